-- The documents of EPSS and KEV that count now, and whether a view was made with others.
with now as (select coalesce(string_agg(feed || ' ' || document_id, ', ' order by feed), '') as feeds from vex.feed)
select now.feeds, exists (select from vex.view_refresh r where r.feeds <> now.feeds) from now
