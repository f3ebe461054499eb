-- Replication slots and the WAL that each keeps on the disk.
select slot_name::text as name, active, coalesce(wal_status, '') as status,
  coalesce(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, restart_lsn), 0)::bigint as bytes
from pg_replication_slots order by bytes desc, name;
