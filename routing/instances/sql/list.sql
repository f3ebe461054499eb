-- The processes, and what each of them leads. Who is silent for $2 is offline, though nobody has said so
-- yet.
select i.id, i.instance_key, i.domain, case when i.last_heartbeat < clock_timestamp() - $2::interval then 'offline' else i.status end,
  i.program, i.parts, i.started_at, i.last_heartbeat, extract(epoch from clock_timestamp() - i.last_heartbeat)::float8,
  coalesce((select json_agg(json_build_object('job', l.job, 'token', l.token, 'since', l.since, 'lease_until', l.lease_until) order by l.job)
            from core.lead l where l.instance_id = i.id and l.lease_until > clock_timestamp()), '[]')
from routing.instance i where i.tenant_id = $1 order by i.instance_key
