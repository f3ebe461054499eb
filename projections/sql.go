package projections

import (
	"context"
	"embed"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

// createStaging makes the temporary tables of one connection.
func createStaging(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.PgConn().Exec(ctx, text("staging")).ReadAll(); err != nil {
		return fmt.Errorf("temporary tables: %w", err)
	}
	return nil
}

var (
	sqlCurrentDocuments   = text("current_documents")
	sqlDiffComponents     = text("diff_components")
	sqlNewPackages        = text("new_packages")
	sqlDeleteComponents   = text("delete_components")
	sqlLeaveStreams       = text("leave_streams")
	sqlInsertComponents   = text("insert_components")
	sqlRestartStreams     = text("restart_streams")
	sqlUpsertStreams      = text("upsert_streams")
	sqlTimeline           = text("timeline")
	sqlUnknowns           = text("unknowns")
	sqlLinkedStatements   = text("linked_statements")
	sqlWaitingStatements  = text("waiting_statements")
	sqlDocumentStatements = text("document_statements")
	sqlStandings          = text("standings")
	sqlEndStatements      = text("end_statements")
	sqlTimeStatements     = text("time_statements")

	sqlBeatenFacts    = text("beaten_facts")
	sqlRetireFacts    = text("retire_facts")
	sqlFactKeys       = text("fact_keys")
	sqlFactNames      = text("fact_names")
	sqlFactsOfRecords = text("facts_of_records")
	sqlFanOutKeys     = text("fan_out_keys")
	sqlFanOutVulns    = text("fan_out_vulns")

	sqlPackagesByKey      = text("packages_by_key")
	sqlJobsLeft           = text("jobs_left")
	sqlRecordedEcosystems = text("recorded_ecosystems")
	sqlLoadPackages       = text("load_packages")
	sqlLoadAffected       = text("load_affected")
	sqlLoadRanges         = text("load_ranges")
	sqlLoadAffectedOf     = text("load_affected_of")
	sqlStoredPackageVulns = text("stored_package_vulns")
	sqlDeletePackageVulns = text("delete_package_vulns")
	sqlPutPackageVulns    = text("put_package_vulns")

	sqlPairsOfChanges  = text("pairs_of_changes")
	sqlPairsOfPackages = text("pairs_of_packages")
	sqlPairsOfVulns    = text("pairs_of_vulns")

	sqlPairsOfArtifacts = text("pairs_of_artifacts")
	sqlReviveArtifacts  = text("revive_artifacts")
	sqlRetiredArtifacts = text("retired_artifacts")

	sqlDirtyPairs         = text("dirty_pairs")
	sqlLivePairs          = text("live_pairs")
	sqlPackageVulns       = text("package_vulns")
	sqlAliases            = text("aliases")
	sqlScores             = text("scores")
	sqlStatements         = text("statements")
	sqlLinks              = text("links")
	sqlDecisions          = text("decisions")
	sqlExplainDistrusted  = text("explain_distrusted")
	sqlExplainRecords     = text("explain_records")
	sqlFactsWithoutEffect = text("facts_without_effect")
	sqlExisting           = text("existing_findings")
	sqlPutOpen            = text("put_open")
	sqlPutSuppressed      = text("put_suppressed")
	sqlDeleteOpen         = text("delete_open")
	sqlDeleteSupp         = text("delete_suppressed")
	sqlHistory            = text("history")

	sqlPackagesWithCPE  = text("packages_with_cpe")
	sqlStatementIssuers = text("statement_issuers")

	sqlStatementsByID = text("statements_by_id")
	sqlKnownProducts  = text("known_products")
	sqlKnownArtifacts = text("known_artifacts")
	sqlKnownSerials   = text("known_serials")
	sqlUsedStatements = text("used_statements")
	sqlSetOutcomes    = text("set_outcomes")

	sqlOutboxRoute   = text("outbox_route")
	sqlStreamChanges = text("stream_changes")
	sqlOrigins       = text("origins")
	sqlInsertEvents  = text("insert_events")
	sqlOtherTenants  = text("other_tenants")
	sqlInsertJob     = text("insert_job")
	sqlMarkViews     = text("mark_views")
	sqlTakeMarks     = text("take_marks")
	sqlNoteRefresh   = text("note_refresh")
	sqlFeedsOfViews  = text("feeds_of_views")
)
