-- Values of the tenant to ask with, as literals: an artifact with findings, ids and keys that are there. By id, which is
-- a hash: neighbours in the table are alike. A tenant without any has none.
select
  coalesce((select artifact_purl from vex.open_findings where tenant_id = $1 limit 1), 'pkg:generic/none@1') as artifact,
  coalesce((select id from ingest.scan_run where tenant_id = $1 order by id desc limit 1), 0)::text as run,
  coalesce((select array_agg(id)::text from (select id from vex.package where tenant_id = $1 order by id limit 50) s), '{}') as packages,
  coalesce((select array_agg(match_key)::text from (select match_key from vex.package where tenant_id = $1 and match_key is not null order by id limit 50) s), '{}') as match_keys,
  coalesce((select array_agg(name_key)::text from (select name_key from vex.package where tenant_id = $1 and name_key is not null order by id limit 50) s), '{}') as names,
  coalesce((select array_agg(vuln_id)::text from (select distinct vuln_id from (select vuln_id from vex.open_findings where tenant_id = $1 limit 200) f limit 50) s), '{}') as vulns,
  coalesce((select array_agg(content_hash)::text from (select content_hash from ingest.sbom_document where tenant_id = $1 limit 50) s), '{}') as hashes,
  coalesce((select array_agg(meaning_hash)::text from (select meaning_hash from ingest.sbom_document where tenant_id = $1 and meaning_hash is not null limit 50) s), '{}') as meanings,
  coalesce((select array_agg(id)::text from (select id from artifact.artifact where tenant_id = $1 limit 20) s), '{}') as artifacts;
