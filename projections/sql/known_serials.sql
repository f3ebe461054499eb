-- Which of these serial numbers SBOMs have.
select distinct bom_serial from ingest.sbom_document where tenant_id = $1 and bom_serial = any ($2)
