package ingest

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// ofProjector are the statements by which stored documents are read again; they run as the
// projector.
var ofProjector = []string{
	"sizes", "reread", "facts_again", "forget_facts", "forget_said", "remake_artifacts", "remake_packages", "restart_streams", "remake_sboms", "note_said",
	"insert_statements", "insert_facts", "insert_affected", "insert_vuln_aliases", "insert_artifacts", "insert_packages", "insert_package_keys",
	"speak", "scores", "merge_scores", "merge_exploited",
}

// TestQueriesPrepare plans every statement of sql/ as the role that runs it.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	importer, projector := db.Conn(t, pg.Ingest), db.Conn(t, pg.Projector)
	if err := createStaging(t.Context(), importer); err != nil {
		t.Fatal(err)
	}
	if err := pgx.BeginFunc(t.Context(), projector, func(tx pgx.Tx) error { return stageAgain(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
	by := map[string][]*pgx.Conn{}
	for _, name := range ofProjector {
		by[name] = []*pgx.Conn{projector}
		if strings.HasPrefix(name, "insert_") || strings.HasPrefix(name, "merge_") || name == "speak" || name == "scores" {
			by[name] = append(by[name], importer)
		}
	}
	dbtest.Plan(t, sqlFiles, importer, by, withColumns)
}

// TestEventsDocumented holds that docs/events.md explains every member of what is told.
func TestEventsDocumented(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	kind := reflect.TypeFor[documentEvent]()
	for i := range kind.NumField() {
		if member, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ","); !strings.Contains(string(docs), "`"+member+"`") {
			t.Errorf("docs/events.md does not have %s", member)
		}
	}
}
