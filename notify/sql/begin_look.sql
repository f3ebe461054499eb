-- Locks rule $2 of tenant $1, so that it is not taken away while it is looked with, and says how far it is and what
-- else than findings decides: the feeds and tags of now.
select
-- include rule_columns
, r.swept_at, r.swept_with, now(), (select t.name from authority.tenant t where t.tenant_id = $1),
  concat_ws(' ',
    case when r.kev or r.epss is not null then (
      select string_agg(f.feed || '=' || f.document_id, ',' order by f.tenant_id, f.feed) from vex.feed f
      where f.tenant_id = any (array[$1, core.shared_tenant()]) and (r.kev and f.feed = 'kev' or r.epss is not null and f.feed = 'epss')) end,
    case when r.tag <> '' then (
      select string_agg(t.artifact_id::text || '@' || t.updated_at, ',' order by t.artifact_id) from artifact.tag t where t.tenant_id = $1 and t.tag = r.tag) end),
  (select enabled from core.outbox_route where name = 'findings')
from routing.notify_rule r
where r.tenant_id = $1 and r.id = $2
for no key update of r
