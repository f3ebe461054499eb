-- Writes the history of findings, and the messages about it into the outbox where they are
-- wanted. A finding that was closed before is reopened, not opened. Returns how many
-- findings each cause did what to, and in which artifacts.
--
-- Messages go in rows as the parts that they were given, in the order of the history: the
-- relay keeps the order of those about one artifact. A message lacks its end, from the time
-- on. As text: one jsonb of them all is cheaper than a jsonb of each.
with h as materialized (
  select h.*,
         case when h.event = 'opened' and exists (
           select from vex.finding_history o
           where o.tenant_id = $1 and o.artifact_id = h.artifact_id and o.package_id = h.package_id and o.vuln_id = h.vuln_id offset 0)
         then 'reopened' else h.event end as what
  from p_history h
), sent as (
  insert into core.outbox (tenant_id, aggregate_type, topic, payload)
  select $1, 'batch', 'findings',
         ('[' || string_agg(message || ',"at":' || t.now || '},"time":' || t.now || ',"type":"dev.sluice.finding.' || what || '.v1"}', ',' order by ordinal) || ']')::jsonb
  from h, (select to_jsonb(now())::text as now) as t
  where message is not null group by part order by part
), kept as (
  insert into vex.finding_history (tenant_id, artifact_purl, artifact_id, package_id, vuln_id, event, reason, detail)
  select $1, artifact_purl, artifact_id, package_id, vuln_id, what, reason, detail::jsonb from h order by ordinal
)
select cause, what, count(*), array_agg(distinct artifact_id) from h group by cause, what order by cause, what
