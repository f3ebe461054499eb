-- The packages to be matched, with all keys that facts may be found by.
select p.id, p.purl, p.ecosystem, case p.match_version when '' then p.version else p.match_version end,
       array_remove(array[p.match_key], '') || array(select k.match_key from vex.package_key k where k.tenant_id = $1 and k.package_id = p.id order by k.match_key) as keys
from unnest($2::uuid[]) as k (id)
join vex.package p on p.tenant_id = $1 and p.id = k.id
