-- From now on these messages are written into the outbox.
update core.outbox_route set enabled = true, updated_at = clock_timestamp() where name = any ($1) and not enabled
