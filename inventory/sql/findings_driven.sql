-- A page of findings, as findings.sql and with its parameters, in the orders kev and epss: those that are listed or
-- have a score, vulnerability by vulnerability, until the page is full. $21 bounds nothing here.
with page as (
  select f.*, row_number() over () as ordinal from (
    select f.status, f.artifact_id, f.package_id, f.vuln_id, f.grade, f.points, d.value
    from (
      select k.vuln_id, (max(coalesce(k.date_added, date '1970-01-01')) - date '1970-01-01')::float8 as value
      from vex.kev k
      where $22 = 'kev' and k.tenant_id = any (array[$1, core.shared_tenant()]) and k.removed_at is null
      group by k.vuln_id
      union all
      select e.vuln_id, e.score from vex.epss e
      where $22 = 'epss' and e.tenant_id = $1 and ($15::real is null or e.score >= $15) and (not $23 or e.score <= $26::real)
      union all
      select e.vuln_id, e.score from vex.epss e
      where $22 = 'epss' and e.tenant_id = core.shared_tenant() and $1 <> core.shared_tenant() and ($15::real is null or e.score >= $15) and (not $23 or e.score <= $26::real)
        and not exists (select from vex.epss o where o.tenant_id = $1 and o.vuln_id = e.vuln_id offset 0)
      order by value desc, vuln_id desc
      offset 0
    ) as d
    cross join lateral (
      select f.* from (
-- include finding_rows
      ) as f
      where f.vuln_id = d.vuln_id and
-- include finding_bounds
      and
-- include finding_filters
      and
-- include finding_after
      offset 0
    ) as f
    where not $23 or (d.value, f.vuln_id, f.artifact_purl, f.package_purl) < ($26, $28, $29, $30 collate "C")
    order by d.value desc, d.vuln_id desc, f.artifact_purl desc, f.package_purl desc
    limit least($20, $21::bigint)
  ) as f
)
-- include finding_details
