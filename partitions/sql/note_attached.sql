-- A row of its own where the table is a new one: it holds off the next retirement.
insert into core.retired_partition (parent, name, relid, low, high, on_expiry, state, hold_until)
values ($1, $2, to_regclass($3)::oid, $4, $5, 'detach', 'attached', $6)
