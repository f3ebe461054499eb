-- Nobody else makes a version of the document $2 until this transaction ends.
select pg_advisory_xact_lock(hashtextextended('sluice.export.' || $1::uuid || $2::uuid, 0))
