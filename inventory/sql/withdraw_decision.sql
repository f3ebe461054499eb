-- The decision $2 says nothing any more. Its row stays: a decision on the same package and
-- vulnerability takes its place, and the audit log knows what it was.
update vex.vex_decision as d
set status = null, rationale = nullif($3, ''), proof_ref = null, justification = '', impact = '', action = '', ticket = '', expires_at = null,
  decided_by = $4, decided_at = statement_timestamp(), updated_at = statement_timestamp(), revision = revision + 1
where tenant_id = $1 and id = $2
returning to_jsonb(d)
