-- The keys of changed shared facts under which this tenant has packages.
select k from unnest($2::text[]) as k
where exists (select from vex.package p where p.tenant_id = $1 and p.match_key = k and p.match_key <> '')
   or exists (select from vex.package_key p where p.tenant_id = $1 and p.match_key = k)
