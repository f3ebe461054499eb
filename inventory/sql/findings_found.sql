-- A page of findings, as findings.sql and with its parameters, where few are asked for: all of them are
-- found by what they are, and then put in order. Also in the orders kev and epss. Nothing is given where they are $21
-- or more: findings_many.sql tells that from none.
with found as materialized (
  select f.status, f.artifact_id, f.artifact_purl, f.package_id, f.package_purl, f.vuln_id, f.grade, f.points, f.first_seen
  from (
-- include finding_rows
  ) as f
  where
-- include finding_bounds
  and
-- include finding_filters
  limit $21
), page as (
  select f.*, row_number() over () as ordinal from (
    select f.* from (
      select f.*, v.value
      from found f
      left join (
        select f.vuln_id, case $22 when 'kev' then
-- include finding_kev
        when 'epss' then
-- include finding_epss
        end::float8 as value
        from (select distinct vuln_id from found where $22 in ('kev', 'epss')) as f
      ) as v using (vuln_id)
      where (select count(*) from found) < $21
    ) as f
    where
-- include finding_after
    and
-- include finding_after_value
    order by
-- include finding_order_value
-- include finding_order
    limit $20
  ) as f
)
-- include finding_details
