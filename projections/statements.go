package projections

import (
	"context"
	"embed"
	"fmt"

	"github.com/jackc/pgx/v5"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text returns sql/<name>.sql. The files are compiled in, so a missing one is a
// typo that no caller could handle; any test of this package finds it.
func text(name string) string {
	b, err := sqlFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err)
	}
	return string(b)
}

// createStaging makes the temporary tables of one connection.
func createStaging(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.PgConn().Exec(ctx, text("staging")).ReadAll(); err != nil {
		return fmt.Errorf("temporary tables: %w", err)
	}
	return nil
}

var (
	sqlCurrentDocuments = text("current_documents")
	sqlWanted           = text("wanted_components")
	sqlNewPackages      = text("new_packages")
	sqlDeleteComponents = text("delete_components")
	sqlInsertComponents = text("insert_components")
	sqlUpsertStreams    = text("upsert_streams")
	sqlUnknowns         = text("unknowns")
	sqlLinkedVulns      = text("linked_vulns")
	sqlWaitingVulns     = text("waiting_vulns")

	sqlChangedFacts       = text("changed_facts")
	sqlSetAffectedCurrent = text("set_affected_current")
	sqlSetAliasCurrent    = text("set_alias_current")
	sqlFactKeys           = text("fact_keys")
	sqlFactNames          = text("fact_names")
	sqlFanOutKeys         = text("fan_out_keys")
	sqlFanOutVulns        = text("fan_out_vulns")

	sqlPackagesByKey    = text("packages_by_key")
	sqlLoadPackages     = text("load_packages")
	sqlLoadAffected     = text("load_affected")
	sqlDiffPackageVulns = text("diff_package_vulns")

	sqlPairsOfPackages = text("pairs_of_packages")
	sqlPairsOfVulns    = text("pairs_of_vulns")
	sqlDirtyPairs      = text("dirty_pairs")
	sqlLivePairs       = text("live_pairs")
	sqlPackageVulns    = text("package_vulns")
	sqlAliases         = text("aliases")
	sqlScores          = text("scores")
	sqlStatements      = text("statements")
	sqlDecisions       = text("decisions")
	sqlExisting        = text("existing_findings")
	sqlPutOpen         = text("put_open")
	sqlPutSuppressed   = text("put_suppressed")
	sqlDeleteOpen      = text("delete_open")
	sqlDeleteSupp      = text("delete_suppressed")
	sqlHistory         = text("history")
	sqlResolveRefs     = text("resolve_refs")
	sqlResolveRef      = text("resolve_ref")

	sqlDocumentVulns   = text("document_vulns")
	sqlGroupStatements = text("group_statements")
	sqlKnownProducts   = text("known_products")
	sqlUsedStatements  = text("used_statements")
	sqlSetOutcomes     = text("set_outcomes")
)
