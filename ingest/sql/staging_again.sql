-- SBOMs that are read again, with what they list and are about now.
create temp table if not exists t_again (
  document_id uuid, sbom_document_id bigint, artifact_id uuid, artifact_purl text, artifact_from text, component_count int,
  package_ids uuid[], unmatched text) on commit delete rows;
