-- Which of these artifacts have an SBOM.
select k from unnest($2::uuid[]) as k
where exists (select from artifact.stream where tenant_id = $1 and artifact_id = k offset 0)
