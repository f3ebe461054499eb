update vex.vex_statement s set outcome = k.outcome
from unnest($2::uuid[], $3::text[]) as k (id, outcome)
where s.tenant_id = $1 and s.id = k.id and s.outcome <> k.outcome
