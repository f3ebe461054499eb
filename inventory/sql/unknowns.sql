-- What cannot be matched of tenant $1, now: of artifact $2, whose id is $4, and with reason $3; '' is any.
-- By the id, for which there is an index; the purl is in the context only.
select coalesce(context ->> 'artifact', '') as artifact, stream, coalesce(context ->> 'name', '') as name,
  coalesce(context ->> 'version', '') as version, coalesce(context ->> 'purl', '') as purl, kind as reason, valid_from
from unknowns.current
where tenant_id = $1 and ($2 = '' or artifact_id = $4) and ($3 = '' or kind = $3)
order by 1, 2, 6, 3, 4, 5, subject_hash
