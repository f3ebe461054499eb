-- The rows that the projection wrote for a tenant.
select count(*) from ingest.sbom_component where tenant_id = $1
