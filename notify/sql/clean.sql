-- Deletes up to $3 messages that were sent longer than $1 ago, or given up longer than $2 ago.
delete from routing.notify_message m
using (
  select tenant_id, id from routing.notify_message
  where state <> 'waiting' and updated_at < clock_timestamp() - case state when 'sent' then $1::interval else $2::interval end
  order by updated_at limit $3::bigint
) as old
where m.tenant_id = old.tenant_id and m.id = old.id
