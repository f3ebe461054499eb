-- A rule of tenant $1. No row: there is one of that name.
insert into routing.notify_rule as r
  (tenant_id, name, severity, tag, kev, epss, package, closed, target, format, destination, every_seconds, since, created_by)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, case when $13::bool then null else now() end, nullif(current_setting('app.user_id', true), '')::uuid
on conflict (tenant_id, name) do nothing
returning
-- include rule_columns
