-- A user that is there already stays as he is: then there is no row.
insert into authority."user" (tenant_id, subject, issuer, display_name) values ($1, $2, $3, nullif($4, ''))
on conflict (tenant_id, subject) do nothing
returning id
