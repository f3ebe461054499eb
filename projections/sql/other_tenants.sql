-- All tenants but the shared feed, in the order in which jobs are given to them.
select tenant_id from authority.tenant where tenant_id <> $1 order by 1
