-- A page of findings of tenant $1 with status $2, in the order of $22 that an index has: at most
-- $20, of the first $21 rows behind the place $23..$30. Findings that many others are told from take few of these;
-- where they do not fill the page, findings_found.sql looks for them by themselves. What the index of the order knows
-- is asked inside: it leads to the rows.
--
-- The program always plans for the values at hand, which drops what is not asked for and leaves
-- plain columns to order by. The parameters are those of inventory/finding_query.go.
with page as (
  select f.*, $26::float8 as value, row_number() over () as ordinal from (
    select f.status, f.artifact_id, f.package_id, f.vuln_id, f.grade, f.points
    from (
      select f.* from (
-- include finding_rows
      ) as f
      where
-- include finding_bounds
        and ($12::smallint is null or f.points >= $12)
        and ($22 <> 'first_seen' or $17::timestamptz is null or f.first_seen >= $17) and ($22 <> 'package' or $7 = '' or f.package_purl ^@ $7)
        and ($11 = 0 or f.grade >= $11) and ($16::bool is null or (f.fixed_versions <> '{}') = $16)
        and ($22 <> 'vuln' or $13::text[] is null or f.vuln_id = any ($13))
        and ($22 <> 'artifact' or $6::uuid[] is null or f.artifact_purl = any (array(select a.purl from artifact.artifact a where a.tenant_id = $1 and a.id = any ($6))))
        and
-- include finding_after
      order by
-- include finding_order
      limit $21
    ) as f
    where
-- include finding_filters
    order by
-- include finding_order
    limit $20
  ) as f
)
-- include finding_details
