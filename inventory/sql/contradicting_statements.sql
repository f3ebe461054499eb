-- Of the statements $2 those that say something else than the status beside each in $3.
select distinct s.id, s.vuln_id, s.status, s.issuer, s.source, s.product, s.subcomponent, s.statement_time as stated_at, s.justification
from unnest($2::uuid[], $3::text[]) as k (id, status)
join vex.vex_statement s on s.tenant_id = $1 and s.id = k.id
where s.status <> k.status
order by stated_at desc nulls last, s.id
