-- $1 findings of tenant $2, as a fleet has them: 500 to an artifact, each vulnerability in one of a hundred
-- artifacts, seen over 90 days and a third of them at one moment. Severities follow from scores; a few have none.
-- EPSS is of thirty times as many vulnerabilities, KEV of one in a hundred, in the shared feed.
create temp table size as select $1::int as n, greatest($1::int / 500, 20) as artifacts, (greatest($1::int / 100, 300) / 2 * 2 + 1) as vulns, $2::uuid as tenant;

insert into artifact.artifact (tenant_id, id, purl, name_key)
select tenant, md5('artifact' || a)::uuid, format('pkg:oci/team-%s/app-%s@1.%s', a % 7, a / 3, a % 3), '' from size, generate_series(0, artifacts - 1) as a;
insert into artifact.tag (tenant_id, artifact_id, tag)
select tenant, md5('artifact' || a)::uuid, 'production' from size, generate_series(0, artifacts - 1, 4) as a;
insert into artifact.tag (tenant_id, artifact_id, tag) select tenant, md5('artifact3')::uuid, 'pilot' from size;

create temp table vuln as
select v, format('CVE-%s-%s', 2015 + v % 12, 1000 + v) as vuln_id,
  case when v % 33 = 0 then null when v % 10 = 0 then 90 + v % 11 when v % 10 < 4 then 70 + v % 20 when v % 10 < 9 then 40 + v % 30 else 1 + v % 39 end::smallint as score,
  case (v / 3) % 100 when 99 then case when (v / 3) % 10000 = 199 then 'hex' else 'deb/debian' end else case when (v / 3) % 10 < 5 then 'npm' when (v / 3) % 10 < 7 then 'maven/org.acme' when (v / 3) % 10 < 9 then 'pypi' else 'golang/example.com' end end as type
from size, generate_series(0, vulns - 1) as v;
alter table vuln add purl text, add package_id uuid, add ecosystem text;
update vuln set purl = format('pkg:%s/lib-%s@%s.%s', type, v / 3, 1 + v % 3, v % 5), ecosystem = case split_part(type, '/', 1) when 'hex' then 'Hex' when 'deb' then 'Debian:12' when 'npm' then 'npm' when 'maven' then 'Maven' when 'pypi' then 'PyPI' else 'Go' end;
update vuln set package_id = md5(purl)::uuid;
insert into vex.package (tenant_id, id, purl, type, name, ecosystem)
select distinct tenant, package_id, purl, split_part(split_part(purl, ':', 2), '/', 1), 'lib', ecosystem from size, vuln;
create index on vuln (v);

insert into vex.epss (tenant_id, vuln_id, score, percentile, score_date)
select '00000000-0000-0000-0000-000000000000', vuln_id, power((v * 131) % 1000 / 1000.0, 8)::real, 0.5, '2026-11-30' from vuln where v % 50 <> 0;
insert into vex.epss (tenant_id, vuln_id, score, percentile, score_date)
select '00000000-0000-0000-0000-000000000000', 'CVE-1999-' || other, power(greatest(random(), 0.001), 8)::real, 0.5, '2026-11-30' from size, generate_series(1, vulns * 29) as other;
insert into vex.kev (tenant_id, vuln_id, date_added, due_date, document_id)
select '00000000-0000-0000-0000-000000000000', vuln_id, date '2022-01-01' + (v % 1500), '2026-12-24', gen_random_uuid() from vuln where v % 100 = 7;
insert into vex.kev (tenant_id, vuln_id, date_added, document_id, removed_at)
select '00000000-0000-0000-0000-000000000000', vuln_id, '2023-01-01', gen_random_uuid(), now() from vuln where v % 100 = 8;

create temp table made as
select a, md5('artifact' || a)::uuid as artifact_id, format('pkg:oci/team-%s/app-%s@1.%s', a % 7, a / 3, a % 3) as artifact_purl, v.*,
  timestamptz '2026-09-01' + case when j % 3 = 0 then interval '0' else interval '1 minute' * ((a * 7919 + j * 104729) % 129600) end as first_seen, j
from size, generate_series(0, artifacts - 1) as a, generate_series(0, n / artifacts - 1) as j, lateral (select vuln.* from vuln where vuln.v = (a * 37 + j * 64) % vulns) as v;

insert into vex.open_findings (tenant_id, artifact_purl, package_id, vuln_id, artifact_id, package_purl, score, severity, advisories, fixed_versions, vex, evidence, first_seen)
select tenant, artifact_purl, package_id, vuln_id, artifact_id, purl, score,
  case when score >= 90 then 'critical' when score >= 70 then 'high' when score >= 40 then 'medium' when score >= 1 then 'low' when v % 2 = 0 then 'high' else '' end,
  array['GHSA-' || v], case when v % 5 = 0 then '{}' else array['9.' || v % 9] end::text[],
  case when (a + j) % 100 = 1 then '{"status": "under_investigation", "justification": "", "source": "openvex"}' when (a + j) % 1000 = 2 then '{"status": "affected", "justification": "", "source": "csaf"}' end::jsonb,
  jsonb_build_object('facts', jsonb_build_array(jsonb_build_object('range', '<9.0.0', 'source', 'ghsa', 'advisory', 'GHSA-' || v, 'document', 'sha256:' || repeat(md5(v::text), 2), 'matched_by', 'range')),
    'package', purl, 'streams', '[""]'::jsonb, 'version', '1.0', 'ecosystem', ecosystem, 'identified_by', 'purl name'), first_seen
from size, made where (a + j) % 20 <> 0;

insert into vex.suppressed_findings (tenant_id, artifact_purl, package_id, vuln_id, artifact_id, package_purl, score, severity, advisories, fixed_versions, vex, evidence, decision_id, first_seen)
select tenant, artifact_purl, package_id, vuln_id, artifact_id, purl, score,
  case when score >= 90 then 'critical' when score >= 70 then 'high' when score >= 40 then 'medium' when score >= 1 then 'low' when v % 2 = 0 then 'high' else '' end,
  array['GHSA-' || v], case when v % 5 = 0 then '{}' else array['9.' || v % 9] end::text[],
  '{"status": "not_affected", "justification": "unused", "source": "decision"}', jsonb_build_object('ecosystem', ecosystem), gen_random_uuid(), first_seen
from size, made where (a + j) % 20 = 0;
