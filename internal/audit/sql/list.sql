-- Entries of tenant $1 that fit, the newest first, up to $9 (0: all). Actors are named where the tenant
-- has such a user.
select c.seq, l.id, l.at, coalesce(c.login, '') as login, l.actor_id, coalesce(u.subject, '') as actor, l.action, l.entity_type, l.entity_id, l.diff,
       encode(c.prev, 'hex') as prev, encode(c.hash, 'hex') as hash
from authority.audit_chain c
join authority.audit_log l on l.id = c.audit_id and l.tenant_id = c.tenant_id
left join authority."user" u on u.tenant_id = l.tenant_id and u.id = l.actor_id
where c.tenant_id = $1
  and ($2 = '' or l.action = $2 or starts_with(l.action, $2 || '.'))
  and ($3 = '' or l.entity_type = $3)
  and ($4::uuid is null or l.entity_id = $4)
  and ($5 = '' or l.actor_id::text = $5 or u.subject = $5)
  and ($6::timestamptz is null or l.at >= $6)
  and ($7::timestamptz is null or l.at < $7)
  and c.seq > $8
order by c.seq desc
limit nullif($9::int, 0)
