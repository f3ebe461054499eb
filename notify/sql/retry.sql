-- Messages of tenant $1 are sent at once and have all attempts again: those of $2, all of the rule $3, or all. With $4 they are
-- dropped instead. Only those that were given up. Returns what they were.
with picked as (
  select m.id from routing.notify_message m join routing.notify_rule r on r.tenant_id = $1 and r.id = m.rule_id
  where m.tenant_id = $1 and m.state = 'failed' and ($2::uuid[] is null or m.id = any ($2)) and ($3 = '' or r.name = $3)
  for update of m
), retried as (
  update routing.notify_message m
  set state = 'waiting', attempts = 0, waiting_since = clock_timestamp(), next_attempt_at = clock_timestamp(), updated_at = clock_timestamp()
  from picked p where not $4::bool and m.tenant_id = $1 and m.id = p.id
  returning m.id
), dropped as (
  delete from routing.notify_message m using picked p where $4 and m.tenant_id = $1 and m.id = p.id
  returning m.id
)
select id from retried union all select id from dropped order by id
