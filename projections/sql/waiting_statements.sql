-- Statements without a product or a vulnerability so far, about products that came or went
-- with these streams.
with keys as materialized (
  select p.name_key from (select distinct package_id from p_change where package_id is not null) as d
  cross join lateral (select name_key from vex.package where tenant_id = $1 and id = d.package_id offset 0) as p
  union
  select a.name_key from p_stream d
  cross join lateral (select name_key from artifact.artifact where tenant_id = $1 and id = d.artifact_id offset 0) as a
)
select s.id from vex.vex_statement s
where s.tenant_id = $1 and s.outcome in ('pending', 'no_such_product', 'no_such_vulnerability')
  and (s.product_key in (select name_key from keys) or s.artifact_id in (select artifact_id from p_stream))
