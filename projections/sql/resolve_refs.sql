-- BOM-Links: the artifacts whose SBOM has the serial number.
select distinct bom_serial, artifact_id from ingest.sbom_document
where tenant_id = $1 and bom_serial = any ($2)
