-- What a client was given and what has been over for a day tells nobody anything.
delete from authority.oauth_token where tenant_id = $1 and oauth_client_id = $2 and expires_at < now() - interval '1 day'
