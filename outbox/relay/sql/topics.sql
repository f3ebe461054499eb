-- The topics that have something to be sent. A loose index scan: its cost grows with the
-- topics, not with the rows.
with recursive t as (
  (select topic from core.outbox where dispatched_at is null order by topic limit 1)
  union all
  select n.topic
  from t cross join lateral (
    select o.topic from core.outbox o where o.dispatched_at is null and o.topic > t.topic order by o.topic limit 1
  ) n
)
select topic from t
