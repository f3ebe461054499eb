-- What is open in tenant $1 and was listed as known to be exploited on or after the day of $2.
select k.vuln_id, max(k.name) as name, max(k.date_added)::text as added, coalesce(max(k.due_date)::text, '') as due, bool_or(k.ransomware) as ransomware, count(distinct q.package_id) as packages
from vex.kev k
cross join lateral (
  select package_id from vex.open_findings where tenant_id = $1 and vuln_id = k.vuln_id offset 0) as q
where k.tenant_id in ($1, '00000000-0000-0000-0000-000000000000') and k.removed_at is null
  and k.date_added >= ($2::timestamptz at time zone 'utc')::date
group by k.vuln_id order by 3 desc, 1
