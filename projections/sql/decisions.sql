-- What the tenant decided on packages $2 and, alone in one of the artifacts $4, about
-- vulnerabilities $3. The clock is looked at after the tenant was locked: who comes later looks later.
select d.id, null::uuid as artifact_id, d.package_id, d.vuln_id, d.status, d.justification, d.impact, d.action, coalesce(d.rationale, '') as rationale,
  coalesce(d.proof_ref, '') as proof_ref, d.ticket, d.decided_at, d.expires_at, coalesce(d.expires_at <= statement_timestamp(), false) as expired
from unnest($2::uuid[]) as k (package)
cross join lateral (select * from vex.vex_decision where tenant_id = $1 and package_id = k.package and status is not null offset 0) as d
where d.vuln_id in (select unnest($3::text[]))
union all
select d.id, d.artifact_id, d.package_id, d.vuln_id, d.status, d.justification, d.impact, d.action, coalesce(d.rationale, ''),
  coalesce(d.proof_ref, ''), d.ticket, d.decided_at, d.expires_at, coalesce(d.expires_at <= statement_timestamp(), false)
from unnest($2::uuid[]) as k (package)
cross join lateral (select * from vex.artifact_decision where tenant_id = $1 and package_id = k.package and status is not null offset 0) as d
where d.vuln_id in (select unnest($3::text[])) and d.artifact_id in (select unnest($4::uuid[]))
