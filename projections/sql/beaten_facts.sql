-- Of each record ($2: external ids) the version with the newest modified time counts, then
-- the greatest content hash; a withdrawn one covers nothing. A record is known by its source and
-- its id: what two sources call CVE-2024-1 are two records, each with versions of its own. Returns the versions that
-- do not count and still pass for current somewhere. A version that was beaten once stays
-- beaten, so there is no way back.
select f.id
from unnest($2::text[]) as k (record)
cross join lateral (
  select id, withdrawn is null and row_number() over (partition by source order by modified desc nulls last, content_hash desc, id) = 1 as counts
  from vex.vuln_fact where tenant_id = $1 and external_id = k.record
  offset 0) as f
where not f.counts
  and (exists (select from vex.vuln_affected a where a.tenant_id = $1 and a.fact_id = f.id and a.is_current offset 0)
       or exists (select from vex.vuln_alias a where a.tenant_id = $1 and a.fact_id = f.id and a.is_current offset 0))
