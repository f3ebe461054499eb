select p.id, p.purl, p.ecosystem, p.match_version,
       case when p.match_key = '' then '{}'::text[]
            else array[p.match_key] || coalesce((select array_agg(k.match_key order by k.match_key) from vex.package_key k where k.tenant_id = $1 and k.package_id = p.id), '{}')
       end as keys
from vex.package p
where p.tenant_id = $1 and p.id = any ($2)
