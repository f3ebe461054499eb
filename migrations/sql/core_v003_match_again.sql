-- Migration: core_v003_match_again
-- Dependencies: core_v001, vex_v001
--
-- Versions are compared by other rules than before (docs/matching.md), so what was matched is
-- matched again: jobs for all vulnerability records, ten a job as an import makes them. The next
-- projection does them; only what comes out otherwise is written.
begin;

-- The owner is no tenant: what a script asks for is seen without the policies, until the end.
alter table vex.vuln_fact no force row level security;
alter table core.job_queue no force row level security;

insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select tenant_id, 'fact', jsonb_build_object('ids', jsonb_agg(external_id order by external_id), 'run', 0), min(external_id)
from (
  select tenant_id, external_id, (row_number() over (partition by tenant_id order by external_id) - 1) / 10 as n
  from (select distinct tenant_id, external_id from vex.vuln_fact) as f
) as ten
group by tenant_id, n order by 1, 4;

alter table vex.vuln_fact force row level security;
alter table core.job_queue force row level security;

insert into core.schema_version (module, version, migration_hash)
values ('core', 3, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
