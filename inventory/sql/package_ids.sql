-- The ids of the packages of tenant $1 whose purl fits one of the patterns $2 and begins with $3; null where they are more than $4.
select case when count(*) <= $4::int then coalesce(array_agg(id), '{}') end
from (select p.id from vex.package p where p.tenant_id = $1 and ($3 = '' or p.purl collate "C" ^@ $3) and p.purl collate "C" like any ($2::text[]) limit $4 + 1) as p
