-- Notes that facts are fetched from $2, called $1; where the name is there, from there instead.
insert into core.feed_source as s (name, url, created_by)
values ($1, $2, nullif(current_setting('app.user_id', true), '')::uuid)
on conflict (name) do update set url = excluded.url, created_by = excluded.created_by, created_at = now() where s.url <> excluded.url
