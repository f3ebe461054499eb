-- Which of these serial numbers SBOMs have, or what said the same as one.
select k from unnest($2::text[]) as k
where exists (select from ingest.sbom_document where tenant_id = $1 and bom_serial = k offset 0)
   or exists (select from ingest.document_alias where tenant_id = $1 and bom_serial = k offset 0)
