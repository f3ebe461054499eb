-- What the user of the connection may, and which roles of Sluice there are.
select r.rolname::text, r.rolsuper, r.rolbypassrls,
       (select coalesce(array_agg(rolname::text order by rolname), '{}') from pg_roles where rolname like 'sluice\_%' and (rolsuper or rolbypassrls)),
       (select count(*)::int from pg_roles where rolname in ('sluice_owner', 'sluice_reader', 'sluice_ingest', 'sluice_feed', 'sluice_projector', 'sluice_maintainer', 'sluice_relay', 'sluice_monitor'))
from pg_roles r where r.rolname = session_user
