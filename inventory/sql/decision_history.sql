-- What was decided and withdrawn: on package $2 (null: any), about the vulnerability with the ids $3
-- (null: any), in the artifacts $4 alone (null: anywhere), or decision $5 alone. The newest first: by the time that
-- each was made at, under the lock, and not by that at which its transaction began.
with d as (
  select id, null::uuid as artifact_id, '' as artifact, package_id, package_purl, vuln_id from vex.vex_decision
  where tenant_id = $1 and $4::uuid[] is null and ($2::uuid is null or package_id = $2) and ($3::text[] is null or vuln_id = any ($3)) and ($5::uuid is null or id = $5)
  union all
  select id, artifact_id, artifact_purl, package_id, package_purl, vuln_id from vex.artifact_decision
  where tenant_id = $1 and ($4::uuid[] is null or artifact_id = any ($4)) and ($2::uuid is null or package_id = $2) and ($3::text[] is null or vuln_id = any ($3)) and ($5::uuid is null or id = $5)
)
select coalesce((l.diff #>> '{after,decided_at}')::timestamptz, l.at) as at, l.action as event, d.id::text as decision, d.artifact, coalesce(nullif(d.package_purl, ''), p.purl, d.package_id::text) as package, d.vuln_id,
  coalesce(u.subject, l.actor_id::text, c.login, '') as by, coalesce(l.diff #>> '{before,status}', '') as "from", coalesce(l.diff #>> '{after,status}', '') as "to",
  coalesce(l.diff #>> '{after,rationale}', '') as reason, l.diff
from d
join authority.audit_log l on l.tenant_id = $1 and l.entity_id = d.id
left join authority.audit_chain c on c.tenant_id = $1 and c.audit_id = l.id
left join authority."user" u on u.tenant_id = $1 and u.id = l.actor_id
left join vex.package p on p.tenant_id = $1 and p.id = d.package_id
order by at desc, c.seq desc
