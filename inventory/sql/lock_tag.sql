-- One at a time moves tag $2 of tenant $1; released with the transaction.
select pg_advisory_xact_lock(hashtextextended('sluice.tag.' || $1::uuid || '.' || $2::text, 0))
