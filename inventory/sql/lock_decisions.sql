-- Nobody else decides on package $2 until this transaction ends. Where there is no row yet there
-- is none to lock, and two who decide at once would both note that nothing was there before.
select pg_advisory_xact_lock(hashtextextended('sluice.decide.' || $1::uuid || $2::uuid, 0))
