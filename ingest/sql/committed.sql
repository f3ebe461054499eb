-- Whether transaction $1 was committed: what the server says, and whether an event that it
-- wrote is there. The times keep this to the few events of one batch.
select coalesce(pg_xact_status($1::text::xid8), 'too old'),
  exists (select from ingest.scan_run_event
          where tenant_id = $2 and scan_run_id = $3 and occurred_at between $4 and $5 and event_id = $6
            and xmin = $1::text::xid8::xid)
