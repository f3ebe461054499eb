-- Late in the transaction: packages are shared by many documents, and another import
-- that brings the same new one waits for this row until the commit.
insert into vex.package (tenant_id, id, purl, type, namespace, name, version, ecosystem, match_key, match_version, matched_by, name_key, unmatched_reason)
select $1, id, purl, type, namespace, name, version, ecosystem, match_key, match_version, matched_by, name_key, unmatched_reason
from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
  as t (id, purl, type, namespace, name, version, ecosystem, match_key, match_version, matched_by, name_key, unmatched_reason)
order by id
on conflict (tenant_id, id) do nothing
