-- Where facts are fetched from.
select name, url, created_at from core.feed_source order by name
