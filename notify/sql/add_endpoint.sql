-- Where the messages of rule $2 of tenant $1 go, and what they are signed with: apart from the rule, since nobody reads it but who sends.
insert into routing.notify_endpoint (tenant_id, rule_id, url, secret) values ($1, $2, $3, $4)
