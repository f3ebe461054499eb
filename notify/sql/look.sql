-- The open findings of tenant $1 that meet the conditions of rule $2 ($4 to $8) and that it has not told of, and notes
-- that it has. With $3 only those that were seen first since then; without, all, for those that come to meet the
-- conditions later: by KEV, EPSS, a tag, another severity. Those that were seen first before $9 are noted and not
-- counted. Returns counts, and as JSON the $10 that matter most, as opened where they were seen first after $11, else as matched.
--
-- A finding that got another name has been told of under the one it had, which is an alias now.
with found as materialized (
  select f.artifact_id, f.artifact_purl, f.package_id, f.package_purl, f.vuln_id, f.aliases, f.advisories, f.score, f.fixed_versions, f.first_seen,
-- include grade
    as grade,
-- include kev
    as kev,
-- include epss
    as epss,
    $9::timestamptz is null or f.first_seen >= $9 as loud,
    f.first_seen >= $11::timestamptz as fresh
  from vex.open_findings f
  where f.tenant_id = $1 and ($3::timestamptz is null or f.first_seen >= $3) and
-- include conditions
  and not exists (
    select from routing.notify_told t
    where t.tenant_id = $1 and t.rule_id = $2 and t.artifact_id = f.artifact_id and t.package_id = f.package_id
      and (t.vuln_id = f.vuln_id or t.vuln_id = any (f.aliases)))
), noted as (
  insert into routing.notify_told (tenant_id, rule_id, artifact_id, package_id, vuln_id, severity)
  select $1, $2, artifact_id, package_id, vuln_id, (array['', 'none', 'low', 'medium', 'high', 'critical'])[grade + 1]
  from found order by artifact_id, package_id, vuln_id
  on conflict do nothing
)
select count(*), count(distinct artifact_id), count(*) filter (where kev),
  array[count(*) filter (where grade = 0), count(*) filter (where grade = 1), count(*) filter (where grade = 2),
        count(*) filter (where grade = 3), count(*) filter (where grade = 4), count(*) filter (where grade = 5)],
  coalesce((
    select json_agg(json_build_object('event', case when fresh then 'opened' else 'matched' end, 'artifact', artifact_purl, 'package', package_purl,
        'vulnerability', vuln_id, 'aliases', aliases, 'advisories', advisories, 'status', 'open',
        'severity', (array['', 'none', 'low', 'medium', 'high', 'critical'])[grade + 1], 'score', score / 10.0, 'fixed_versions', fixed_versions,
        'kev', kev, 'epss', epss, 'first_seen', first_seen))
    from (
      select * from found where loud
      order by kev desc, grade desc, score desc nulls last, vuln_id, package_purl, artifact_purl limit $10::bigint
    ) as f), '[]')::text
from found where loud
