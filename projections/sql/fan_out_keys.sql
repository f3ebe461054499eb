-- The keys of changed shared facts ($2) under which this tenant has packages, in use or not.
select k from unnest($2::text[]) as k
where exists (select from vex.package p where p.tenant_id = $1 and p.match_key = k and p.match_key <> '' offset 0)
   or exists (select from vex.package_key p where p.tenant_id = $1 and p.match_key = k offset 0)
