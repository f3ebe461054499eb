-- Everything that the manager looks at of each partition, oldest first, a default one last.
with p as (select oid, relowner, relrowsecurity from pg_class where oid = to_regclass($1))
select c.oid, n.nspname::text, c.relname::text, b.bound = 'DEFAULT', i.inhdetachpending,
       coalesce((regexp_match(b.bound, 'FROM \(''([^'']+)''\)'))[1], '-infinity')::timestamptz,
       coalesce((regexp_match(b.bound, 'TO \(''([^'']+)''\)'))[1], 'infinity')::timestamptz,
       greatest(c.reltuples, 0)::bigint, coalesce(pg_total_relation_size(c.oid), 0),
       -- What is wrong with its protection, if anything.
       concat_ws(', ',
         case when c.relowner <> p.relowner then 'has another owner than its parent' end,
         case when p.relrowsecurity and not (c.relrowsecurity and c.relforcerowsecurity) then 'row security is off' end,
         case when p.relrowsecurity and not exists (select from pg_policy l where l.polrelid = c.oid and l.polname = 'p_' || c.relname || '_tenant')
              then 'has no tenant policy' end,
         case when exists (select from aclexplode(c.relacl) a where a.grantee <> c.relowner) then 'others have rights on it' end),
       array(select x.indexrelid::regclass::text from pg_index x join pg_class xc on xc.oid = x.indexrelid join pg_am m on m.oid = xc.relam
             where x.indrelid = c.oid and m.amname = 'brin' order by 1),
       coalesce(h.held, false)
from p join pg_inherits i on i.inhparent = p.oid join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace
cross join lateral (select pg_get_expr(c.relpartbound, c.oid) as bound) b
left join lateral (
	select true as held from core.retired_partition r
	where r.parent = $3 and r.relid = c.oid and r.state = 'attached' and (r.hold_until is null or r.hold_until > $2) limit 1
) h on true
order by b.bound = 'DEFAULT', 6
