-- The decision that stands on package $2 and vulnerability $3, whole, for the audit log, and who made
-- it. Deciders wait for each other (lock_decisions.sql): it is what the one that follows replaces.
select to_jsonb(d) as before, d.id, coalesce(d.status, '') as status, d.decided_at, d.revision, coalesce(u.subject, d.decided_by::text, '') as by,
  coalesce(d.expires_at <= statement_timestamp(), false) as expired
from vex.vex_decision d left join authority."user" u on u.tenant_id = d.tenant_id and u.id = d.decided_by
where d.tenant_id = $1 and d.package_id = $2 and d.vuln_id = $3
