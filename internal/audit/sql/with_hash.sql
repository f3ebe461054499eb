-- Which entry of tenant $1 has the hash $2; only asked when a chain is broken.
select seq from authority.audit_chain where tenant_id = $1 and hash = $2 order by seq limit 1
