-- What tenant $1 has used of these buckets and intervals, with what is owed to the count; new rows
-- begin with that. The rows stay locked until what is taken is added.
insert into routing.rate_limit_counter as c (tenant_id, bucket, interval_number, used, expires_at)
select $1, b, w, o, now() + k
from unnest($2::text[], $3::bigint[], $4::bigint[], $5::interval[]) with ordinality as u (b, w, o, k, n)
order by n
on conflict (tenant_id, bucket, interval_number) do update set used = c.used + excluded.used
returning bucket, used, xmax = 0
