-- The bounds of a table's partitions in order; with $2, of those only whose detach is pending. They come as text in the session's style
-- and zone, which the transaction pins: only then can they be read back.
select coalesce((regexp_match(bound, 'FROM \(''([^'']+)''\)'))[1], '-infinity')::timestamptz as low,
       coalesce((regexp_match(bound, 'TO \(''([^'']+)''\)'))[1], 'infinity')::timestamptz as high
from (
	select pg_get_expr(c.relpartbound, c.oid) as bound
	from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = to_regclass($1) and (not $2 or i.inhdetachpending)
) as b where bound <> 'DEFAULT' order by 1
