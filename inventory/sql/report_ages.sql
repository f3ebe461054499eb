-- Open findings of tenant $1 by severity and by age, in one reading.
select case when severity in ('critical', 'high', 'medium', 'low') then severity else 'unrated' end as severity,
       case when now() - first_seen < interval '7 days' then 0 when now() - first_seen < interval '30 days' then 1
            when now() - first_seen < interval '90 days' then 2 when now() - first_seen < interval '365 days' then 3 else 4 end as age,
       count(*) as findings
from vex.open_findings where tenant_id = $1 group by 1, 2
