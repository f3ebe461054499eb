-- Components of the current SBOMs of artifacts in use of tenant $1, and how many of them cannot be matched.
select
  (select coalesce(sum(s.component_count), 0) from artifact.stream s join artifact.artifact a on a.tenant_id = $1 and a.id = s.artifact_id and a.state = 'active' where s.tenant_id = $1),
  (select count(*) from unknowns.unknown u join artifact.artifact a on a.tenant_id = $1 and a.id = u.artifact_id and a.state = 'active'
   where u.tenant_id = $1 and u.valid_to is null)
