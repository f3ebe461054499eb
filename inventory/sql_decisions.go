package inventory

var (
	sqlArtifactDecision         = text("artifact_decision")
	sqlArtifactLists            = text("artifact_lists")
	sqlContradicting            = text("contradicting_statements")
	sqlDecisionHistory          = text("decision_history")
	sqlFindingEvents            = text("finding_events")
	sqlFindingsAbout            = text("findings_about")
	sqlKnownVuln                = text("known_vuln")
	sqlNearArtifacts            = text("near_artifacts")
	sqlNearPackages             = text("near_packages")
	sqlNearTags                 = text("near_tags")
	sqlNearVulns                = text("near_vulns")
	sqlPutArtifactDecision      = text("put_artifact_decision")
	sqlTaggedArtifacts          = text("tagged_artifacts")
	sqlWithdrawArtifactDecision = text("withdraw_artifact_decision")
)

// Statements of exports.
var (
	sqlEffectiveVerdicts = text("effective_verdicts")
	sqlExportVersions    = text("export_versions")
	sqlLockExport        = text("lock_export")
	sqlPutExportVersion  = text("put_export_version")
)
