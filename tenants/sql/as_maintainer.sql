-- Acts as the maintainer until the end of the transaction, where roles are apart: the user who may make
-- logins may not write to the audit log.
select case when (select nspowner from pg_namespace where nspname = 'core') = (select oid from pg_roles where rolname = 'sluice_owner')
  then set_config('role', 'sluice_maintainer', true) end
