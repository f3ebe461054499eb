package ingest

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

var (
	sqlStaging         = text("staging")
	sqlStageStatement  = withColumns(text("staging_statement"))
	sqlReread          = text("reread")
	sqlStageSettings   = text("staging_settings")
	sqlStageAgain      = text("staging_again")
	sqlSizes           = text("sizes")
	sqlFactsAgain      = text("facts_again")
	sqlForgetSaid      = text("forget_said")
	sqlForgetFacts     = text("forget_facts")
	sqlRemakePackages  = text("remake_packages")
	sqlRestartStreams  = text("restart_streams")
	sqlRemakeArtifacts = text("remake_artifacts")
	sqlRemakeSBOMs     = text("remake_sboms")
	sqlNoteSaid        = text("note_said")
	sqlLookUp          = text("look_up")
	sqlLookUpMeaning   = text("look_up_meaning")
	sqlLookUpStreams   = text("look_up_streams")
	sqlLoadSBOM        = text("load_sbom")
	sqlSayMeaning      = text("say_meaning")
	sqlStoredAs        = text("stored_as")
	sqlInsertOriginal  = text("insert_original")
	sqlInsertSBOM      = text("insert_sbom")
	sqlInsertVEX       = text("insert_vex_document")
	sqlMayWrite        = text("may_write")
	sqlSpeak           = text("speak")
	sqlScores          = text("scores")
	sqlMergeScores     = text("merge_scores")
	sqlMergeExploited  = text("merge_exploited")
	sqlUpsertParked    = text("upsert_parked")
	sqlDeleteParked    = text("delete_parked")
	sqlCommitMark      = text("commit_mark")
	sqlCommitted       = text("committed")
	sqlParkedIDs       = text("parked_ids")
	sqlDropParked      = text("drop_parked")
	sqlLoadParked      = text("load_parked")
	sqlStartRun        = text("start_run")
	sqlResumeRun       = text("resume_run")
	sqlEndRun          = text("end_run")
	sqlDropCheckpoints = text("drop_checkpoints")
	sqlRunOfDay        = text("run_of_day")
	sqlEndRuns         = text("end_runs")
	sqlLockCounts      = text("lock_counts")
	sqlRunOutcomes     = text("run_outcomes")
	sqlSetCounts       = text("set_counts")
)

// createStaging makes the temporary tables of one connection.
func createStaging(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.PgConn().Exec(ctx, sqlStageSettings+sqlStaging+sqlStageStatement).ReadAll(); err != nil {
		return fmt.Errorf("temporary tables: %w", err)
	}
	return nil
}

// staged is one kind of rows and the statement that takes them on: after the tenant its parameters
// are the columns, an array each; or none, where the rows go to a temporary table first. The order
// of the list is the order of the inserts: the same in every transaction, or they deadlock.
type staged struct {
	table   string // temporary; "" where there is none
	columns []string
	insert  string
	arrays  bool
}

const (
	inOriginal = iota
	inAlias
	inStatement
	inFact
	inAffected
	inVulnAlias
	inArtifact
	inParked
	inEvent
	inJob
	inPackage
	inPackageKey
	inCPEKey
	inSignature
	inOutbox
	stagedTables
)

var staging = [stagedTables]staged{
	inOriginal:   {"", []string{"content_hash", "document_id", "kind", "format", "format_version", "size", "encoding", "bytes", "origin", "scan_run_id", "warnings", "tool", "tool_version", "quality"}, text("insert_originals"), true},
	inAlias:      {"", []string{"content_hash", "document_id", "artifact_id", "stream", "document_time", "origin", "scan_run_id", "bom_serial", "version_rank"}, text("insert_aliases"), true},
	inStatement:  {"t_statement", statementNames(), withColumns(text("insert_statements")), false},
	inFact:       {"t_fact", []string{"id", "source", "external_id", "payload", "document_id", "content_hash", "names", "modified", "withdrawn", "summary", "score", "severity", "vector"}, text("insert_facts"), false},
	inAffected:   {"t_affected", []string{"fact_id", "ordinal", "match_key", "ecosystem", "name", "ranges", "versions", "fixed_versions", "score", "severity"}, text("insert_affected"), false},
	inVulnAlias:  {"t_vuln_alias", []string{"vuln_id", "alias", "fact_id"}, text("insert_vuln_aliases"), false},
	inArtifact:   {"t_artifact", []string{"id", "purl", "name_key"}, text("insert_artifacts"), true},
	inParked:     {"", []string{"content_hash", "document_id", "origin", "reason", "pointer", "message", "format", "hints", "size", "encoding", "bytes", "revision", "scan_run_id"}, sqlUpsertParked, true},
	inEvent:      {"", []string{"scan_run_id", "event_type", "payload", "event_id"}, text("insert_events"), true},
	inJob:        {"", []string{"kind", "payload", "dedup_key"}, text("insert_jobs"), true},
	inPackage:    {"t_package", []string{"id", "purl", "type", "namespace", "name", "version", "ecosystem", "match_key", "match_version", "matched_by", "name_key", "unmatched_reason"}, text("insert_packages"), true},
	inPackageKey: {"t_package_key", []string{"match_key", "package_id"}, text("insert_package_keys"), true},
	inCPEKey:     {"", []string{"match_key", "package_id"}, text("insert_cpe_keys"), true},
	inSignature:  {"t_signature", []string{"id", "content_hash", "kind", "key_id", "signature", "outcome", "why", "payload_type", "predicate_type", "subjects", "origin", "envelope", "encoding", "size"}, text("insert_signatures"), false},
	inOutbox:     {"", []string{"ordinal", "topic", "payload", "always"}, text("insert_outbox"), true},
}
