-- What an attempt at run $2 of tenant $1 did since $3, by its events: one that was killed wrote no summary.
-- There is one event per document, whatever else sluice.events says of the run: that has no document_id.
select event_type, coalesce(nullif(payload ->> 'format', ''), 'unknown') as format, coalesce(payload ->> 'reason', '') as reason, count(*) as documents,
  coalesce(sum(case when jsonb_typeof(payload -> 'bytes') = 'number' then (payload ->> 'bytes')::numeric end), 0)::bigint as bytes,
  max(occurred_at) as last
from ingest.scan_run_event
where tenant_id = $1 and scan_run_id = $2 and occurred_at >= $3 and event_type in ('accepted', 'duplicate', 'unchanged', 'parked') and payload ? 'document_id'
group by 1, 2, 3
