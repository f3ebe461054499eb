-- Takes rule $2 of tenant $1 away with all that is its own: its secret, what it told of, what is on its way.
with endpoint as (
  delete from routing.notify_endpoint where tenant_id = $1 and rule_id = $2
), told as (
  delete from routing.notify_told where tenant_id = $1 and rule_id = $2
), messages as (
  delete from routing.notify_message where tenant_id = $1 and rule_id = $2
)
delete from routing.notify_rule where tenant_id = $1 and id = $2
