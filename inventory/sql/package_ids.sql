-- The ids of the packages of tenant $1 whose purl fits one of the patterns $2; null where they are more than $3.
select case when count(*) <= $3::int then coalesce(array_agg(id), '{}') end
from (select p.id from vex.package p where p.tenant_id = $1 and p.purl collate "C" like any ($2::text[]) limit $3 + 1) as p
