-- A token of user $2 or of client $3. Its life is counted by the server's clock; 'infinity' has no end.
insert into authority.oauth_token (tenant_id, user_id, oauth_client_id, token_hash, name, hint, scopes, expires_at, created_by)
values ($1, $2, $3, $4, $5, $6, $7, case when $8::float8 is null then 'infinity' else now() + make_interval(secs => $8) end,
        nullif(current_setting('app.user_id', true), '')::uuid)
returning id, created_at, nullif(expires_at, 'infinity')
