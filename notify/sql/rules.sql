-- The rules of tenant $1, or that of the name $2, with what became of their messages.
select
-- include rule_columns
, m.waiting, m.failed, m.sent_at, m.error
from routing.notify_rule r
cross join lateral (
  select count(*) filter (where m.state = 'waiting') as waiting, count(*) filter (where m.state = 'failed') as failed,
    max(m.updated_at) filter (where m.state = 'sent') as sent_at,
    (array_agg(m.last_error order by m.updated_at desc) filter (where m.state <> 'sent' and m.last_error is not null))[1] as error
  from routing.notify_message m where m.tenant_id = $1 and m.rule_id = r.id
) as m
where r.tenant_id = $1 and ($2 = '' or r.name = $2)
order by r.name
