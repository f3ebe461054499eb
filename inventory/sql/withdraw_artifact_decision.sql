-- withdraw_decision.sql, of a decision about one artifact.
update vex.artifact_decision as d
set status = null, rationale = nullif($3, ''), proof_ref = null, justification = '', impact = '', action = '', ticket = '', expires_at = null,
  decided_by = $4, decided_at = statement_timestamp(), updated_at = statement_timestamp(), revision = revision + 1
where tenant_id = $1 and id = $2
returning to_jsonb(d)
