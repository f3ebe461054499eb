-- No row where he has the role already.
insert into authority."grant" (tenant_id, user_id, role_id) values ($1, $2, $3) on conflict do nothing returning id
