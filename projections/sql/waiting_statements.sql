-- Statements without a product or a vulnerability so far, about products that came or went
-- with these streams. Two probes and a union: an OR would read all that waits.
with keys as materialized (
  select p.name_key from (select distinct package_id from p_change where package_id is not null) as d
  cross join lateral (select name_key from vex.package where tenant_id = $1 and id = d.package_id offset 0) as p
  union
  select a.name_key from p_stream d
  cross join lateral (select name_key from artifact.artifact where tenant_id = $1 and id = d.artifact_id offset 0) as a
)
select s.id
from keys k
cross join lateral (
  select id from vex.vex_statement
  where tenant_id = $1 and product_key = k.name_key and outcome in ('pending', 'no_such_product', 'no_such_vulnerability') offset 0) as s
union
select s.id
from (select distinct artifact_id from p_stream) as d
cross join lateral (
  select id from vex.vex_statement
  where tenant_id = $1 and artifact_id = d.artifact_id and outcome in ('pending', 'no_such_product', 'no_such_vulnerability') offset 0) as s
