-- The chain of tenant $1 in its order, with the line of each entry as authority.audit_line makes it; written
-- out here, so that a function that somebody has put in its place is not asked whether all is well. An
-- entry that is gone has no line.
select c.seq, c.prev, c.hash, c.audit_id, l.at, l.action,
  '{"seq":' || c.seq || ',"prev":"' || encode(c.prev, 'hex')
  || '","tenant_id":"' || l.tenant_id || '","id":"' || l.id
  || '","at":"' || (to_json(l.at at time zone 'UTC') #>> '{}') || 'Z"'
  || ',"login":' || coalesce(to_json(c.login)::text, 'null')
  || ',"actor_id":' || coalesce('"' || l.actor_id || '"', 'null')
  || ',"action":' || to_json(l.action) || ',"entity_type":' || to_json(l.entity_type)
  || ',"entity_id":' || coalesce('"' || l.entity_id || '"', 'null')
  || ',"diff":' || l.diff || '}' as line
from authority.audit_chain c
left join authority.audit_log l on l.id = c.audit_id and l.tenant_id = c.tenant_id
where c.tenant_id = $1 and c.seq between $2 and $3
order by c.seq
