-- How far the files of a run have come; a file that goes on moves its last entry.
insert into ingest.file_checkpoint (tenant_id, scan_run_id, path, first_entry, last_entry, complete, size, modified_at)
select $1, $2, * from unnest($3::text[], $4::int[], $5::int[], $6::bool[], $7::bigint[], $8::timestamptz[])
on conflict (tenant_id, scan_run_id, path, first_entry) do update set
  last_entry = excluded.last_entry, complete = excluded.complete, size = excluded.size, modified_at = excluded.modified_at
