-- The tenant with id $2 or, where that is null, with name $1. A name is never a UUID.
select tenant_id from authority.tenant where case when $2::uuid is null then name = $1 else tenant_id = $2 end
