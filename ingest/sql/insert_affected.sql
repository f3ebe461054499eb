-- The ranges of new facts. Sorted by the key, as every insert of many rows here: two imports wait for each other and
-- never deadlock.
insert into vex.vuln_affected (tenant_id, fact_id, ordinal, match_key, ecosystem, name, ranges, versions, fixed_versions, score, severity)
select $1, fact_id, ordinal, match_key, ecosystem, name, ranges::jsonb, versions, fixed_versions, score, severity
from t_affected order by fact_id, ordinal
