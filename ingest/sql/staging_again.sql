-- SBOMs that are read again, with what they list and are about now.
create temp table if not exists t_again (
  document_id uuid, sbom_document_id bigint, artifact_id uuid, artifact_purl text, artifact_from text, component_count int,
  package_ids uuid[], unmatched text) on commit delete rows;
-- What their artifacts and packages are now, to be compared with what is stored.
create temp table if not exists t_artifact (id uuid, purl text, name_key text) on commit delete rows;
create temp table if not exists t_package (
  id uuid, purl text, type text, namespace text, name text, version text, ecosystem text, match_key text, match_version text,
  matched_by text, name_key text, unmatched_reason text) on commit delete rows;
create temp table if not exists t_package_key (match_key text, package_id uuid) on commit delete rows;
