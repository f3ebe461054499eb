-- Away with what is derived: only a copy of the database is treated so.
truncate vex.open_findings, vex.suppressed_findings, vex.package_vuln, ingest.sbom_component, artifact.stream
