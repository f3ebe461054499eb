-- Opens a scan run: the unit of import work that events belong to.
insert into ingest.scan_run (tenant_id, source, arguments) values ($1, $2, $3) returning id
