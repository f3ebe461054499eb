-- Adds what was taken.
update routing.rate_limit_counter c set used = c.used + u.want
from unnest($2::text[], $3::bigint[], $4::bigint[]) as u (bucket, number, want)
where c.tenant_id = $1 and c.bucket = u.bucket and c.interval_number = u.number
