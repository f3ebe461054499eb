-- What could not be matched of tenant $1 at $5, by what was known at $6: of artifact $2, whose id is $4, and with
-- reason $3; '' is any. A row is valid from the time of one document to that of another, and believed from one
-- projection to the one that found it wrong.
select coalesce(context ->> 'artifact', '') as artifact, stream, coalesce(context ->> 'name', '') as name,
  coalesce(context ->> 'version', '') as version, coalesce(context ->> 'purl', '') as purl, kind as reason, valid_from
from unknowns.unknown
where tenant_id = $1 and ($2 = '' or artifact_id = $4) and ($3 = '' or kind = $3)
  and valid_from <= $5 and (valid_to is null or valid_to > $5)
  and sys_from <= $6 and (sys_to is null or sys_to > $6)
order by 1, 2, 6, 3, 4, 5, subject_hash
