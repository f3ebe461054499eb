-- put_decision.sql, about artifact $14 with the purl $15 alone.
insert into vex.artifact_decision as d (tenant_id, package_id, vuln_id, package_purl, status, justification, impact, action, rationale, proof_ref, ticket, expires_at,
  decided_by, decided_at, artifact_id, artifact_purl)
values ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, ''), nullif($10, ''), $11, $12, $13, statement_timestamp(), $14, $15)
on conflict (tenant_id, package_id, artifact_id, vuln_id) do update set
  package_purl = excluded.package_purl, status = excluded.status, justification = excluded.justification, impact = excluded.impact, action = excluded.action,
  rationale = excluded.rationale, proof_ref = excluded.proof_ref, ticket = excluded.ticket, expires_at = excluded.expires_at,
  decided_by = excluded.decided_by, decided_at = excluded.decided_at, updated_at = excluded.decided_at, revision = d.revision + 1
returning d.id, to_jsonb(d), d.revision
