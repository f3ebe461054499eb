-- Components that came or went where there is something to find: what a fact covers, or
-- what had findings. Most packages have no vulnerability at all.
with covered as materialized (
  select d.package_id from (select distinct package_id from p_change where package_id is not null) as d
  where exists (select from vex.package_vuln v where v.tenant_id = $1 and v.package_id = d.package_id offset 0)
)
insert into p_pair (artifact_id, package_id, whole)
select artifact_id, package_id, true from p_change where package_id in (select package_id from covered)
union
select c.artifact_id, c.package_id, true from p_change c
where not c.added and c.package_id is not null and c.package_id not in (select package_id from covered)
  and (exists (select from vex.open_findings f where f.tenant_id = $1 and f.artifact_id = c.artifact_id and f.package_id = c.package_id offset 0)
       or exists (select from vex.suppressed_findings f where f.tenant_id = $1 and f.artifact_id = c.artifact_id and f.package_id = c.package_id offset 0))
on conflict (artifact_id, package_id) do update set whole = true
