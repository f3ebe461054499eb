-- Open findings of tenant $1 by severity and by age, in one reading.
select case when f.severity in ('critical', 'high', 'medium', 'low') then f.severity else 'unrated' end as severity,
       f.age, sum(f.findings)::bigint as findings
from (
  select severity,
         case when first_seen > now() - interval '7 days' then 0 when first_seen > now() - interval '30 days' then 1
              when first_seen > now() - interval '90 days' then 2 when first_seen > now() - interval '365 days' then 3 else 4 end as age,
         count(*) as findings
  from vex.open_findings where tenant_id = $1 group by 1, 2) as f
group by 1, 2
