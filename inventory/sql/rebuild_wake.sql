-- Projectors look at once, not at their next poll.
select pg_notify($1, '')
