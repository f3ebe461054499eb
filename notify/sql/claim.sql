-- Messages of all tenants that are to be sent ($2: whether their time has come or not), one a rule, up to $1: a test before others, then
-- the oldest. Rules in $3 are being sent to. Nothing is locked: only who leads sends.
select * from (
  select distinct on (m.tenant_id, m.rule_id)
    m.tenant_id, m.id, m.rule_id, r.name, m.body, m.attempts, m.waiting_since, m.next_attempt_at, e.url, e.secret
  from routing.notify_message m
  join routing.notify_rule r on r.tenant_id = m.tenant_id and r.id = m.rule_id
  join routing.notify_endpoint e on e.tenant_id = m.tenant_id and e.rule_id = m.rule_id
  where m.state = 'waiting' and ($2::bool or m.next_attempt_at <= clock_timestamp()) and m.rule_id <> all ($3::uuid[])
  order by m.tenant_id, m.rule_id, m.kind = 'test' desc, m.created_at, m.id
) as m
order by m.next_attempt_at
limit $1
