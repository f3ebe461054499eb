-- The tags that, when they move on, retire who held them, in tenant $1; and which of them artifact $2 holds.
select coalesce(array_agg(r.tag), '{}'), coalesce(array_agg(r.tag) filter (where exists (
  select from artifact.tag t where t.tenant_id = $1 and t.artifact_id = $2 and t.tag = r.tag offset 0)), '{}')
from authority.tenant n
cross join lateral jsonb_array_elements_text(case jsonb_typeof(n.settings #> '{retirement,tags}') when 'array' then n.settings #> '{retirement,tags}' else '[]' end) as r (tag)
where n.tenant_id = $1
