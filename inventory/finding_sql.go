package inventory

// The statements about findings share their parts: sql/part.
var (
	sqlArtifactIDs         = text("artifact_ids")
	sqlExploitedIDs        = text("exploited_ids")
	sqlFindings            = text("findings")
	sqlFindingsClosed      = text("findings_closed")
	sqlFindingsClosedCount = text("findings_closed_count")
	sqlFindingsCount       = text("findings_count")
	sqlFindingsLikely      = text("findings_likely")
	sqlFindingsListed      = text("findings_listed")
	sqlFindingsFound       = text("findings_found")
	sqlFindingsMany        = text("findings_many")
	sqlFindingsGroups      = text("findings_groups")
	sqlPackageIDs          = text("package_ids")
)

var (
	sqlWhyExploited = text("why_exploited")
	sqlWhyFinding   = text("why_finding")
	sqlWhyHistory   = text("why_history")
	sqlWhyPair      = text("why_pair")
	sqlWhyPlaces    = text("why_places")
	sqlWhyDecider   = text("why_decider")
)
