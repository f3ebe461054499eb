-- Makes the scores those of the file in t_score, of the day $2. Only what differs is written: most of a daily
-- file is that of the day before. Runs after speak, in a statement of its own that sees what that waited for.
with gone as (
  delete from vex.epss e
  where e.tenant_id = $1 and not exists (select from t_score s where s.vuln_id = e.vuln_id)
)
insert into vex.epss (tenant_id, vuln_id, score, percentile, score_date)
select $1, s.vuln_id, s.score, s.percentile, ($2::timestamptz at time zone 'UTC')::date
from t_score s
left join vex.epss e on e.tenant_id = $1 and e.vuln_id = s.vuln_id
where e.vuln_id is null or e.score <> s.score or e.percentile <> s.percentile
order by s.vuln_id
on conflict (tenant_id, vuln_id) do update
set score = excluded.score, percentile = excluded.percentile, score_date = excluded.score_date, updated_at = now()
