-- What a question of tenant $1 is about: artifact and package by ids that lie between $2 and $3, $4 and $5, or package $6 and artifact $7 ('' is
-- the first with the finding, an open one if there is one, else the first that lists the package), and the vulnerability $8, by any of its ids ($9). One row at
-- most; without an artifact where no SBOM lists the package.
with package as (
  select p.* from vex.package p
  where p.tenant_id = $1 and ($6::uuid is null or p.id = $6) and ($4::uuid is null or p.id between $4 and $5) and num_nonnulls($6::uuid, $4::uuid) = 1
), said as (
  select 0 as place, 'open' as status, f.artifact_id, f.artifact_purl, f.package_id, f.vuln_id, f.vuln_id = $8 as named
  from package p cross join lateral (
    select * from vex.open_findings where tenant_id = $1 and package_id = p.id and vuln_id = any ($9::text[] || $8::text) offset 0) as f
  union all
  select 0, 'suppressed', f.artifact_id, f.artifact_purl, f.package_id, f.vuln_id, f.vuln_id = $8
  from package p cross join lateral (
    select * from vex.suppressed_findings where tenant_id = $1 and package_id = p.id and vuln_id = any ($9 || $8::text) offset 0) as f
), listed as (
  select distinct c.artifact_id, p.id as package_id
  from package p join ingest.sbom_component c on c.tenant_id = $1 and c.package_id = p.id
), candidate as (
  select * from said
  union all
  select 1, case when exists (
      select from vex.finding_history h where h.tenant_id = $1 and h.artifact_id = l.artifact_id and h.package_id = l.package_id and h.vuln_id = any ($9 || $8::text)) then 'closed' else 'none' end,
    l.artifact_id, a.purl, l.package_id, $8, true
  from listed l join artifact.artifact a on a.tenant_id = $1 and a.id = l.artifact_id
  union all
  select distinct 2, 'closed', h.artifact_id, h.artifact_purl, h.package_id, h.vuln_id, h.vuln_id = $8
  from package p join vex.finding_history h on h.tenant_id = $1 and h.package_id = p.id and h.vuln_id = any ($9 || $8::text)
  union all
  select 3, 'none', a.id, a.purl, p.id, $8, true from package p join artifact.artifact a on a.tenant_id = $1 and a.purl = $7 and $7 <> ''
  union all
  select 4, 'none', null, '', p.id, $8, true from package p where $7 = '' and $2::uuid is null
)
select c.vuln_id, c.artifact_id, c.artifact_purl, coalesce(a.name_key, '') as artifact_key, coalesce(a.state, '') as state, p.id as package_id, p.purl as package_purl, p.ecosystem, p.match_version, p.matched_by,
  array_remove(array[p.match_key], '') || array(select k.match_key from vex.package_key k where k.tenant_id = $1 and k.package_id = p.id order by k.match_key) as keys,
  p.unmatched_reason, c.status, (select count(distinct s.artifact_id) from said s where s.artifact_id <> c.artifact_id) as also_in
from candidate c
join package p on p.id = c.package_id
left join artifact.artifact a on a.tenant_id = $1 and a.id = c.artifact_id
where ($7 = '' or c.artifact_purl = $7) and ($2::uuid is null or c.artifact_id between $2 and $3::uuid)
order by c.place, c.status = 'suppressed', c.named desc, c.artifact_purl, c.vuln_id
limit 1
