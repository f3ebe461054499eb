-- Who is logged in, and the tenant that an auditor's login is bound to by its name, as core.current_tenant() has it.
select session_user::text,
  case when starts_with(session_user::text, 'sluice_reader_') and length(session_user::text) = 46 then substr(session_user::text, 15)::uuid end
