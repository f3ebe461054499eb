-- As text: bytes would be taken for the binary form of jsonb.
insert into core.maintenance (task, state) values ($1, $2::text::jsonb)
on conflict (task) do update set state = excluded.state, updated_at = clock_timestamp()
