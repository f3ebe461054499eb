-- What was retired of a table and is not done with, and what became of its relation.
select r.id, r.parent, r.name, r.relid, r.low, r.high, r.on_expiry, r.state, coalesce(r.file, ''), coalesce(r.row_count, 0), r.hold_until, r.created_at, r.updated_at,
       c.oid is not null, coalesce(c.relispartition, false), coalesce(i.inhdetachpending, false)
from core.retired_partition r
left join (
	select c.oid, c.relispartition, n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
) c on c.oid = r.relid and c.name = r.name
left join pg_inherits i on i.inhrelid = c.oid
where ($1 = '' or r.parent = $1) and ($2 or r.state = 'detaching' or r.state in ('detached', 'exported') and r.on_expiry <> 'detach')
order by r.parent, r.low, r.created_at
