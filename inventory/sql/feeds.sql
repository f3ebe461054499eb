-- Sources of facts that tenant $1 sees, its own and the shared ones ($2), with how many records each has and
-- when the newest came.
select tenant_id = $2 as shared, source, count(distinct external_id) as records, max(modified) as newest, max(received_at) as imported_at
from vex.vuln_fact where tenant_id in ($1, $2) group by 1, 2
union all
select tenant_id = $2, feed, entries, released_at, updated_at
from vex.feed where tenant_id in ($1, $2)
order by 2, 1
