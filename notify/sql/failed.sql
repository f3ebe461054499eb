-- Messages of tenant $1 that were given up, of the rule $2 or of all, the newest first; $3 at most.
select m.id, r.name, r.destination, m.kind, m.findings, m.attempts, m.last_status, coalesce(m.last_error, ''), m.created_at, m.updated_at
from routing.notify_message m
join routing.notify_rule r on r.tenant_id = $1 and r.id = m.rule_id
where m.tenant_id = $1 and m.state = 'failed' and ($2 = '' or r.name = $2)
order by m.updated_at desc, m.id
limit nullif($3::bigint, 0)
