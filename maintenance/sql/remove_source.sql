-- Facts are no longer fetched from what is called $1.
delete from core.feed_source where name = $1
