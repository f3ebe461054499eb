-- Only rows that say something else than before come here: an unchanged finding is not written.
insert into vex.suppressed_findings as f (tenant_id, artifact_purl, package_id, vuln_id, artifact_id, package_purl, score, severity, aliases, advisories,
  fixed_versions, vex, evidence, first_seen, statement_id, decision_id)
select $1, artifact_purl, package_id, vuln_id, artifact_id, package_purl, score, severity, aliases, advisories,
  fixed_versions, vex::jsonb, evidence::jsonb, coalesce(first_seen, now()), statement_id, decision_id
from p_finding order by artifact_id, package_id, vuln_id
on conflict (tenant_id, artifact_id, package_id, vuln_id) do update set
  score = excluded.score, severity = excluded.severity, aliases = excluded.aliases, advisories = excluded.advisories,
  fixed_versions = excluded.fixed_versions, vex = excluded.vex, evidence = excluded.evidence, first_seen = least(f.first_seen, excluded.first_seen), last_changed = now(), statement_id = excluded.statement_id, decision_id = excluded.decision_id
