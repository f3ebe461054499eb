-- The time that lies $1, an interval as PostgreSQL reads it, before now, and whether that is a day or
-- more. The server says: its clock wrote the times that this is compared with.
select t, t <= now() - interval '1 day' from (select now() - $1::text::interval as t) as x
