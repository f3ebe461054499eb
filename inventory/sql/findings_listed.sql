-- A page of findings, as findings.sql and with its parameters, in the order kev: those that the catalogue lists,
-- vulnerability by vulnerability, until the page is full.
with page as (
  select f.*, row_number() over () as ordinal from (
    select f.status, f.artifact_id, f.package_id, f.vuln_id, f.grade, f.points, d.value
    from (
      select k.vuln_id, (max(coalesce(k.date_added, date '1970-01-01')) - date '1970-01-01')::float8 as value
      from vex.kev k
      where k.tenant_id = any (array[$1, core.shared_tenant()]) and k.removed_at is null
      group by k.vuln_id
      order by 2 desc, 1 desc
      offset 0
    ) as d
-- include finding_of_driver
  ) as f
)
-- include finding_details
