-- Writes the scores that differ (t_score), of the day $2, and deletes those that the newest file has no more ($3).
with gone as (
  delete from vex.epss where tenant_id = $1 and vuln_id = any ($3::text[])
)
insert into vex.epss (tenant_id, vuln_id, score, percentile, score_date)
select $1, vuln_id, score, percentile, ($2::timestamptz at time zone 'UTC')::date
from t_score order by vuln_id
on conflict (tenant_id, vuln_id) do update
set score = excluded.score, percentile = excluded.percentile, score_date = excluded.score_date, updated_at = now()
