-- A page of findings, as findings.sql and with its parameters, in the order epss: those that have a score, from
-- the likeliest vulnerability on, until the page is full. The scores of the tenant's own and those of the
-- shared feed each give a page: so the index gives the order of each.
with page as (
  select f.*, row_number() over () as ordinal from (
    select f.status, f.artifact_id, f.package_id, f.vuln_id, f.grade, f.points, f.value
    from (
      (select f.status, f.artifact_id, f.artifact_purl, f.package_id, f.package_purl, f.vuln_id, f.grade, f.points, d.value::float8 as value
      from (
        select e.vuln_id, e.score as value from vex.epss e
        where e.tenant_id = $1
          and ($15::real is null or e.score >= $15) and (not $23 or e.score <= $26::real) and (not $14 or
-- include exploited
          )
      ) as d
-- include finding_of_driver
      )
      union all
      (select f.status, f.artifact_id, f.artifact_purl, f.package_id, f.package_purl, f.vuln_id, f.grade, f.points, d.value::float8 as value
      from (
        select e.vuln_id, e.score as value from vex.epss e
        where e.tenant_id = core.shared_tenant() and $1 <> core.shared_tenant()
          and not exists (select from vex.epss o where o.tenant_id = $1 and o.vuln_id = e.vuln_id offset 0)
          and ($15::real is null or e.score >= $15) and (not $23 or e.score <= $26::real) and (not $14 or
-- include exploited
          )
      ) as d
-- include finding_of_driver
      )
    ) as f
    order by f.value desc, f.vuln_id desc, f.artifact_purl desc, f.package_purl desc
    limit $20
  ) as f
)
-- include finding_details
