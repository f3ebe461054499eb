-- A message of rule $3 of tenant $1, to be sent at once.
insert into routing.notify_message (tenant_id, id, rule_id, kind, findings, body) values ($1, $2, $3, $4, $5, $6)
