-- decision.sql, of the decision about artifact $4 alone.
select to_jsonb(d) as before, d.id, coalesce(d.status, '') as status, d.decided_at, d.revision, coalesce(u.subject, d.decided_by::text, '') as by,
  coalesce(d.expires_at <= statement_timestamp(), false) as expired
from vex.artifact_decision d left join authority."user" u on u.tenant_id = d.tenant_id and u.id = d.decided_by
where d.tenant_id = $1 and d.package_id = $2 and d.vuln_id = $3 and d.artifact_id = $4
