-- Artifacts of tenant $1 by purl, $2 at most and after the purl $3: those like $4, in state $5, with tag $6, not
-- seen since $7, or the one with id $8; '' and null are any. Only those that are listed are counted, by the primary keys of the findings.
select a.purl as artifact, a.state, coalesce(a.state_reason, '') as reason, a.retired_by, a.retired_at, a.retired_as_of, a.created_at as first_seen,
       s.last_seen, s.streams, s.components, t.tags, o.open, o.critical, o.high, o.medium, o.low, o.unrated, x.suppressed
from (
  select * from artifact.artifact a
  where a.tenant_id = $1 and a.purl > $3 and ($4 = '' or a.purl like $4) and ($5 = '' or a.state = $5)
    and ($8::uuid is null or a.id = $8)
    and ($6 = '' or exists (select from artifact.tag t where t.tenant_id = $1 and t.artifact_id = a.id and t.tag = $6 offset 0))
    and ($7::timestamptz is null or $7 > (
      select coalesce(max(coalesce(s.document_time, d.created_at)), '-infinity') from artifact.stream s
      left join ingest.sbom_document d on d.tenant_id = $1 and d.id = s.document_id
      where s.tenant_id = $1 and s.artifact_id = a.id))
  order by a.purl limit nullif($2::bigint, 0)) as a
cross join lateral (
  select count(*)::int as streams, coalesce(sum(s.component_count), 0) as components, max(coalesce(s.document_time, d.created_at)) as last_seen
  from artifact.stream s left join ingest.sbom_document d on d.tenant_id = $1 and d.id = s.document_id
  where s.tenant_id = $1 and s.artifact_id = a.id) as s
cross join lateral (
  select coalesce(array_agg(tag order by tag), '{}') as tags from artifact.tag where tenant_id = $1 and artifact_id = a.id) as t
cross join lateral (
  select count(*) as open, count(*) filter (where severity = 'critical') as critical, count(*) filter (where severity = 'high') as high,
         count(*) filter (where severity = 'medium') as medium, count(*) filter (where severity = 'low') as low,
         count(*) filter (where severity not in ('critical', 'high', 'medium', 'low')) as unrated
  from vex.open_findings where tenant_id = $1 and artifact_id = a.id) as o
cross join lateral (
  select count(*) as suppressed from vex.suppressed_findings where tenant_id = $1 and artifact_id = a.id) as x
order by a.purl
