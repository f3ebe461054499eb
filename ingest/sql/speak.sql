-- The document $6 ($5 its content hash) speaks for the feed $2 unless one that is newer does, or is
-- newer among equals; the row stays locked, so that documents of a feed come one after the other. The same
-- document again, as when it is read by a newer program, keeps the time that it came with.
insert into vex.feed as f (tenant_id, feed, released_at, version, content_hash, document_id, entries)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (tenant_id, feed) do update
set released_at = case when f.content_hash = excluded.content_hash then greatest(f.released_at, excluded.released_at) else excluded.released_at end,
    version = excluded.version, content_hash = excluded.content_hash, document_id = excluded.document_id, entries = excluded.entries, updated_at = now()
where f.content_hash = excluded.content_hash
   or (coalesce(excluded.released_at, '-infinity'), excluded.content_hash) > (coalesce(f.released_at, '-infinity'), f.content_hash)
