-- $1 packages of tenant $2, every second one of a release without records and the others of npm, each in one of the
-- artifacts that list a hundred; and shared records of 3,000 ecosystems, as those of Red Hat's products are.
insert into vex.package (tenant_id, id, purl, type, namespace, name, version, ecosystem, match_key, match_version, name_key)
select $2, md5('p' || i)::uuid,
  case i % 2 when 0 then 'pkg:deb/debian/p-' || i || '@1?distro=debian-8' else 'pkg:npm/p-' || i || '@1' end,
  case i % 2 when 0 then 'deb' else 'npm' end, case i % 2 when 0 then 'debian' else '' end, 'p-' || i, '1',
  case i % 2 when 0 then 'Debian:8' else 'npm' end, case i % 2 when 0 then 'Debian:8' else 'npm' end || '|p-' || i, '1', 'k-' || i
from generate_series(1, $1) as i;
insert into artifact.artifact (tenant_id, id, purl, name_key, state)
select $2, md5('pkg:oci/app-' || a || '@1')::uuid, 'pkg:oci/app-' || a || '@1', 'oci//app-' || a, 'active' from generate_series(0, ($1 - 1) / 100) as a;
insert into ingest.sbom_component (tenant_id, artifact_id, stream, component_id, package_id)
select $2, md5('pkg:oci/app-' || (i - 1) / 100 || '@1')::uuid, '', md5('p' || i)::uuid, md5('p' || i)::uuid from generate_series(1, $1) as i;
insert into vex.vuln_affected (tenant_id, fact_id, ordinal, match_key, ecosystem, name)
select '00000000-0000-0000-0000-000000000000', md5('f' || e || '.' || i)::uuid, 0, 'x|p-' || i, e, 'p-' || i
from (select 'Red Hat:product_' || n || ':1::el9' from generate_series(1, 3000) as n union all select 'npm' union all select 'Debian:12') as t (e),
  generate_series(1, greatest(1, $1 / 3000)) as i;
