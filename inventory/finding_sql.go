package inventory

// The statements about findings share their parts: sql/part.
var (
	sqlArtifactIDs         = text("artifact_ids")
	sqlExploitedIDs        = text("exploited_ids")
	sqlFindings            = text("findings")
	sqlFindingsClosed      = text("findings_closed")
	sqlFindingsClosedCount = text("findings_closed_count")
	sqlFindingsCount       = text("findings_count")
	sqlFindingsDriven      = text("findings_driven")
	sqlFindingsFound       = text("findings_found")
	sqlFindingsGroups      = text("findings_groups")
	sqlFindingsMany        = text("findings_many")
	sqlPackageIDs          = text("package_ids")
)
