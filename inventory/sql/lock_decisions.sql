-- Nobody else decides for tenant $1 until this transaction ends. Where there is no row yet there is none
-- to lock, and two who decide at once would both note that nothing was there before. One lock and
-- not one per package: a file may decide on more of them than a server has locks.
select pg_advisory_xact_lock(hashtextextended('sluice.decide.' || $1::uuid, 0))
