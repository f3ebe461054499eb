package ingest

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
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
	"sizes", "reread", "facts_again", "forget_facts", "forget_said", "remake_artifacts", "remake_packages", "restart_streams", "remake_sboms", "note_warnings",
	"insert_statements", "insert_facts", "insert_affected", "insert_vuln_aliases", "insert_artifacts", "insert_packages", "insert_package_keys",
}

// TestQueriesPrepare plans every statement of sql/ as the role that runs it: a column that
// a migration renames, or a right that it takes away, is found here.
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
	paths, err := fs.Glob(sqlFiles, "sql/*.sql")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no statements: %v", err)
	}
	planned := 0
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".sql")
		if strings.HasPrefix(name, "staging") {
			continue // ran above
		}
		sql, err := fs.ReadFile(sqlFiles, path)
		if err != nil {
			t.Fatal(err)
		}
		conns := []*pgx.Conn{importer}
		if slices.Contains(ofProjector, name) {
			conns = []*pgx.Conn{projector}
			if strings.HasPrefix(name, "insert_") {
				conns = append(conns, importer)
			}
			planned++
		}
		for _, conn := range conns {
			// Unlike PREPARE this checks the rights on the tables too. The simple protocol, since
			// the statement's parameters get no values.
			if _, err := conn.PgConn().Exec(t.Context(), "explain (generic_plan)\n"+withColumns(string(sql))).ReadAll(); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if planned != len(ofProjector) {
		t.Errorf("%d of the %d statements of the projector are there", planned, len(ofProjector))
	}
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
