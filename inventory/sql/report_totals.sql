-- Totals of tenant $1: artifacts in use, components of their current SBOMs, those that cannot be matched, findings
-- that are suppressed, and open ones known to be exploited.
select
  (select count(*) from artifact.artifact where tenant_id = $1 and state = 'active') as artifacts,
  (select count(*) from artifact.artifact where tenant_id = $1 and state = 'retired') as retired,
  (select coalesce(sum(s.component_count), 0) from artifact.stream s join artifact.artifact a on a.tenant_id = $1 and a.id = s.artifact_id and a.state = 'active' where s.tenant_id = $1) as components,
  (select count(*) from unknowns.unknown u join artifact.artifact a on a.tenant_id = $1 and a.id = u.artifact_id and a.state = 'active'
   where u.tenant_id = $1 and u.valid_to is null) as unmatched,
  (select count(*) from vex.suppressed_findings where tenant_id = $1) as suppressed,
  (select coalesce(sum(artifacts), 0) from vex.triage_queue where tenant_id = $1 and kev) as known
