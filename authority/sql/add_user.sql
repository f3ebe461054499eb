-- Its key (tenant_id, subject) refuses a second one: nobody takes over a user by adding him again.
insert into authority."user" (tenant_id, subject, issuer, display_name, email) values ($1, $2, $3, nullif($4, ''), nullif($5, ''))
returning id
