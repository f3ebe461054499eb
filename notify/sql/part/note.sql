, noted as (
  insert into routing.notify_told (tenant_id, rule_id, artifact_id, package_id, vuln_id, severity)
  select $1, $2, artifact_id, package_id, vuln_id, (array['', 'none', 'low', 'medium', 'high', 'critical'])[grade + 1]
  from found order by artifact_id, package_id, vuln_id
  on conflict do nothing
)
select count(*), count(distinct artifact_id), count(*) filter (where kev),
  array[count(*) filter (where grade = 0), count(*) filter (where grade = 1), count(*) filter (where grade = 2),
        count(*) filter (where grade = 3), count(*) filter (where grade = 4), count(*) filter (where grade = 5)],
  coalesce((
    select json_agg(json_build_object('event', event, 'artifact', artifact_purl, 'package', package_purl,
        'vulnerability', vuln_id, 'aliases', aliases, 'advisories', advisories, 'status', 'open',
        'severity', (array['', 'none', 'low', 'medium', 'high', 'critical'])[grade + 1], 'score', score / 10.0, 'fixed_versions', fixed_versions,
        'kev', kev, 'epss', epss, 'first_seen', first_seen))
    from (
      select * from found where loud
      order by kev desc, grade desc, score desc nulls last, vuln_id, package_purl, artifact_purl limit $9::bigint
    ) as f), '[]')::text
from found where loud
