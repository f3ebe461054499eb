-- The rules of all tenants that are to look for findings: their time has come ($1: or not), and nothing of theirs is on
-- its way. So a message to an endpoint that is down is one, which says more the longer it takes, and not one a minute.
select r.tenant_id, r.id
from routing.notify_rule r
where ($1::bool or r.next_look_at <= clock_timestamp())
  and not exists (
    select from routing.notify_message m
    where m.tenant_id = r.tenant_id and m.rule_id = r.id and m.state = 'waiting' and m.kind = 'findings')
order by r.next_look_at
limit 1000
