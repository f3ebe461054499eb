-- The decision $2 says nothing any more. Its row stays: a decision on the same package and
-- vulnerability takes its place, and the audit log knows what it was.
update vex.vex_decision
set status = null, rationale = nullif($3, ''), proof_ref = null, decided_by = $4, decided_at = now(), updated_at = now()
where tenant_id = $1 and id = $2
