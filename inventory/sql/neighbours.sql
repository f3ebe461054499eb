-- The keys of records, the tenant's ($1) and the feed's, that stand next to each of the keys $2 in the order of the
-- index, ten before and ten after: among them are those that differ in an ending or a letter at their end.
select k.wanted, n.match_key
from unnest($2::text[]) as k (wanted)
cross join lateral (
  (select match_key from vex.vuln_affected where tenant_id = $1 and is_current and match_key >= k.wanted order by match_key limit 10)
  union
  (select match_key from vex.vuln_affected where tenant_id = $1 and is_current and match_key < k.wanted order by match_key desc limit 10)
  union
  (select match_key from vex.vuln_affected where tenant_id = '00000000-0000-0000-0000-000000000000' and is_current and match_key >= k.wanted order by match_key limit 10)
  union
  (select match_key from vex.vuln_affected where tenant_id = '00000000-0000-0000-0000-000000000000' and is_current and match_key < k.wanted order by match_key desc limit 10)) as n
order by 1, 2
