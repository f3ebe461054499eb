-- The packages to be matched, with all keys that facts may be found by.
select p.id, p.purl, p.ecosystem, p.match_version,
       case when p.match_key = '' then '{}'::text[]
            else array[p.match_key] || array(select k.match_key from vex.package_key k where k.tenant_id = $1 and k.package_id = p.id order by k.match_key)
       end as keys
from unnest($2::uuid[]) as k (id)
join vex.package p on p.tenant_id = $1 and p.id = k.id
