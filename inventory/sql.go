package inventory

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql sql/part/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlArtifact          = text("artifact")
	sqlArtifacts         = text("artifacts")
	sqlArtifactFindings  = text("artifact_findings")
	sqlArtifactPackages  = text("artifact_packages")
	sqlArtifactStreams   = text("artifact_streams")
	sqlArtifactVersions  = text("artifact_versions")
	sqlRetireArtifacts   = text("retire_artifacts")
	sqlRetiredBy         = text("retired_by")
	sqlRetiringTags      = text("retiring_tags")
	sqlReviveArtifact    = text("revive_artifact")
	sqlUnseenArtifacts   = text("unseen_artifacts")
	sqlLockTag           = text("lock_tag")
	sqlTagHolder         = text("tag_holder")
	sqlPutTag            = text("put_tag")
	sqlDeleteTag         = text("delete_tag")
	sqlDecision          = text("decision")
	sqlDecisionsInForce  = text("decisions_in_force")
	sqlLockDecisions     = text("lock_decisions")
	sqlWithdrawDecision  = text("withdraw_decision")
	sqlDocumentHash      = text("document_hash")
	sqlDocumentRepeat    = text("document_repeats")
	sqlDocuments         = text("documents")
	sqlDocumentWarnings  = text("document_warnings")
	sqlQuality           = text("quality")
	sqlWarningCounts     = text("warning_counts")
	sqlDropParked        = text("drop_parked")
	sqlEnvelope          = text("envelope")
	sqlKnownPackages     = text("known_packages")
	sqlOriginal          = text("original")
	sqlParked            = text("parked")
	sqlPutDecision       = text("put_decision")
	sqlQueueDecision     = text("queue_decision")
	sqlFeeds             = text("feeds")
	sqlRebuildFindings   = text("rebuild_findings")
	sqlRebuildLock       = text("rebuild_lock")
	sqlRebuildOriginals  = text("rebuild_originals")
	sqlRebuildPackages   = text("rebuild_packages")
	sqlRebuildPending    = text("rebuild_pending")
	sqlRebuildRecords    = text("rebuild_records")
	sqlRebuildStatements = text("rebuild_statements")
	sqlRebuildStreams    = text("rebuild_streams")
	sqlRebuildWake       = text("rebuild_wake")
	sqlRunEvents         = text("run_events")
	sqlRunParked         = text("run_parked")
	sqlRuns              = text("runs")
	sqlRunSummary        = text("run_summary")
	sqlSignatures        = text("signatures")
	sqlSnapshot          = text("snapshot")
	sqlTail              = text("tail")
	sqlUnknowns          = text("unknowns")
	sqlVerdicts          = text("verdicts")
	sqlVulnIDs           = text("vuln_ids")
)
