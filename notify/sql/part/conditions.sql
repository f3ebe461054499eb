($4 = 0 or
-- include grade
  >= $4)
and ($5 = '' or f.artifact_id in (select t.artifact_id from artifact.tag t where t.tenant_id = $1 and t.tag = $5))
and case when $6::bool then
-- include kev
  else true end
and case when $7::real is not null then
-- include epss
  >= $7 else true end
and ($8::text[] is null or f.package_purl like any ($8))
