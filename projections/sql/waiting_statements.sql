-- Statements without a product or a vulnerability so far, about products that came or went
-- with these streams.
select s.id from vex.vex_statement s
where s.tenant_id = $1 and s.outcome in ('pending', 'no_such_product', 'no_such_vulnerability')
  and (s.product_key in (
         select p.name_key from p_pair d join vex.package p on p.tenant_id = $1 and p.id = d.package_id
         union
         select a.name_key from p_stream d join artifact.artifact a on a.tenant_id = $1 and a.id = d.artifact_id)
       or s.artifact_id in (select artifact_id from p_stream))
