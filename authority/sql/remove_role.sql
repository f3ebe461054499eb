-- There is no foreign key: that nobody has the role was looked at in this transaction.
delete from authority.role where tenant_id = $1 and id = $2
