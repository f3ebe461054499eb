-- The keys of changed shared facts ($2) under which this tenant has packages, in use or not.
select match_key from vex.package where tenant_id = $1 and match_key <> '' and match_key = any ($2)
union
select match_key from vex.package_key where tenant_id = $1 and match_key = any ($2)
