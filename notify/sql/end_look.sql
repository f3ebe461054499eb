-- Notes how far rule $2 of tenant $1 has looked ($3), and whether at all findings ($4, with feeds and tags $5; null: as before).
update routing.notify_rule
set looked_at = $3, swept_at = coalesce($4, swept_at), swept_with = coalesce($5, swept_with), next_look_at = clock_timestamp() + $6::interval
where tenant_id = $1 and id = $2
