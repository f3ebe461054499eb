-- Where what is called $1 is fetched from; the row is locked.
select url from core.feed_source where name = $1 for update
