-- The decision that stands, whole, for the audit log. Read under a lock: it is what the one that
-- follows replaces.
select to_jsonb(d) from vex.vex_decision d where tenant_id = $1 and package_id = $2 and vuln_id = $3 for update
