-- The id that is returned is what the audit log names; no row where he does not have the role.
delete from authority."grant" where tenant_id = $1 and user_id = $2 and role_id = $3 returning id
