-- By which a transaction can be found again when the answer to its COMMIT is lost, and since
-- when its server runs. The last statement of it: its events lie between the first two times.
select pg_current_xact_id()::text, now(), clock_timestamp(), pg_postmaster_start_time()
