-- Its key (tenant_id, client_id) refuses a second one: nobody takes over a client by adding it again.
insert into authority.oauth_client (tenant_id, client_id, secret_hash, scopes, issuer, subject) values ($1, $2, $3, $4, $5, nullif($6, ''))
returning id
