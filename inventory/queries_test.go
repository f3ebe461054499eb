package inventory

import (
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// ofImporter are the statements of decisions; all others are questions of the reader.
var ofImporter = []string{
	"decision", "artifact_decision", "put_decision", "put_artifact_decision", "decisions_in_force", "withdraw_decision", "withdraw_artifact_decision", "lock_decisions",
	"effective_verdicts", "export_versions", "lock_export", "put_export_version",
	"artifact_lists", "contradicting_statements", "findings_about", "tagged_artifacts", "queue_decision", "known_packages", "drop_parked",
	"retire_artifacts", "retired_by", "retiring_tags", "revive_artifact", "unseen_artifacts", "lock_tag", "tag_holder", "put_tag", "delete_tag", "queue_tag",
	"rebuild_findings", "rebuild_lock", "rebuild_originals", "rebuild_packages", "rebuild_pending", "rebuild_records", "rebuild_statements", "rebuild_streams", "rebuild_wake",
}

// ofBoth are those that a decision asks, and a question that has no answer.
var ofBoth = []string{"artifact_ids", "known_like", "known_vuln", "near_artifacts", "near_packages", "near_tags", "near_vulns", "vuln_ids"}

// TestQueriesPrepare plans every statement of sql/ as the role that runs it.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	by := map[string][]*pgx.Conn{}
	importer := db.Conn(t, pg.Ingest)
	for _, name := range ofImporter {
		by[name] = []*pgx.Conn{importer}
	}
	reader := db.Conn(t, pg.Reader)
	for _, name := range ofBoth {
		by[name] = []*pgx.Conn{importer, reader}
	}
	dbtest.Plan(t, sqlFiles, reader, by)
}

// TestEventTypesDocumented holds that docs/events.md has every type of event.
func TestEventTypesDocumented(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range eventOrder {
		if !strings.Contains(string(docs), "`"+event+"`") {
			t.Errorf("docs/events.md does not have %s", event)
		}
	}
}
