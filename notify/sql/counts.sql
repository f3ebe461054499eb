-- How many messages wait and how many were given up, counted up to 10,000 each.
select (select count(*) from (select from routing.notify_message where state = 'waiting' limit 10000) as w),
       (select count(*) from (select from routing.notify_message where state = 'failed' limit 10000) as f)
