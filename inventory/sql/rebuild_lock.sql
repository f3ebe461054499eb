-- Two who ask at the same moment ask for one rebuild. The lock ends with the transaction.
select pg_advisory_xact_lock(hashtextextended('sluice rebuild ' || $1::text, 0))
