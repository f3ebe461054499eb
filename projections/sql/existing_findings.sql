-- The findings of the pairs $2, $3: all of them where $4, else those that the names $5 have
-- to do with, by the name that they have now or by an alias. The pairs are compared as rows and
-- come in their order, which only the primary key can do: while a batch fills a table no statistics tell that
-- the index by package finds as many rows as there are artifacts, or one by tenant all there are.
select 'open', f.artifact_purl, f.package_id, f.vuln_id, f.artifact_id, f.package_purl, f.score, f.severity, f.aliases, f.advisories, f.fixed_versions, f.vex, f.evidence,
       null::uuid, null::uuid, f.first_seen
from unnest($2::uuid[], $3::uuid[], $4::bool[]) as k (artifact, package, whole)
cross join lateral (select * from vex.open_findings where tenant_id = $1 and (artifact_id, package_id) >= (k.artifact, k.package) and (artifact_id, package_id) <= (k.artifact, k.package) order by artifact_id, package_id offset 0) as f
where k.whole or f.vuln_id in (select unnest($5::text[])) or (select bool_or(a in (select unnest($5::text[]))) from unnest(f.aliases) as a)
union all
select 'suppressed', f.artifact_purl, f.package_id, f.vuln_id, f.artifact_id, f.package_purl, f.score, f.severity, f.aliases, f.advisories, f.fixed_versions, f.vex, f.evidence,
       f.statement_id, f.decision_id, f.first_seen
from unnest($2::uuid[], $3::uuid[], $4::bool[]) as k (artifact, package, whole)
cross join lateral (select * from vex.suppressed_findings where tenant_id = $1 and (artifact_id, package_id) >= (k.artifact, k.package) and (artifact_id, package_id) <= (k.artifact, k.package) order by artifact_id, package_id offset 0) as f
where k.whole or f.vuln_id in (select unnest($5::text[])) or (select bool_or(a in (select unnest($5::text[]))) from unnest(f.aliases) as a)
