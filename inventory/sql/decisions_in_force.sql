-- The decisions in force: on package $2 (null: any), about the vulnerability that has the ids $3
-- (null: any), those about the artifacts $4 alone (null: those that hold everywhere).
select d.id, null::uuid as artifact_id, '' as artifact, d.package_id, coalesce(nullif(d.package_purl, ''), p.purl, d.package_id::text) as package,
  d.vuln_id, d.status, d.decided_at, d.revision, coalesce(u.subject, d.decided_by::text, '') as by, to_jsonb(d) as before
from vex.vex_decision d
left join vex.package p on p.tenant_id = d.tenant_id and p.id = d.package_id
left join authority."user" u on u.tenant_id = d.tenant_id and u.id = d.decided_by
where d.tenant_id = $1 and $4::uuid[] is null and ($2::uuid is null or d.package_id = $2) and ($3::text[] is null or d.vuln_id = any ($3))
  and d.status is not null and (d.expires_at is null or d.expires_at > statement_timestamp())
union all
select d.id, d.artifact_id, d.artifact_purl, d.package_id, d.package_purl, d.vuln_id, d.status, d.decided_at, d.revision,
  coalesce(u.subject, d.decided_by::text, ''), to_jsonb(d)
from vex.artifact_decision d
left join authority."user" u on u.tenant_id = d.tenant_id and u.id = d.decided_by
where d.tenant_id = $1 and d.artifact_id = any ($4) and ($2::uuid is null or d.package_id = $2) and ($3::text[] is null or d.vuln_id = any ($3))
  and d.status is not null and (d.expires_at is null or d.expires_at > statement_timestamp())
order by package, vuln_id, artifact
