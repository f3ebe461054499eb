-- By which a transaction can be found again when the answer to its COMMIT is lost. The last
-- statement of it: its events lie between the two times.
select pg_current_xact_id()::text, now(), clock_timestamp()
