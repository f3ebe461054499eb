package ingest

import (
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// TestQueriesPrepare plans every statement of sql/ as the role that runs it: a column that
// a migration renames, or a right that it takes away, is found here.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	importer, projector := db.Conn(t, pg.Ingest), db.Conn(t, pg.Projector)
	if err := createStaging(t.Context(), importer); err != nil {
		t.Fatal(err)
	}
	// The projector reads stored documents again.
	byProjector := []string{"reread", "forget_statements", "derive_again", "keys_again", "list_again", "name_artifact"}
	paths, err := fs.Glob(sqlFiles, "sql/*.sql")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no statements: %v", err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(strings.TrimPrefix(path, "sql/"), ".sql")
		if strings.HasPrefix(name, "staging") {
			continue // ran above
		}
		conn := importer
		if slices.Contains(byProjector, name) {
			conn = projector
		}
		sql, err := fs.ReadFile(sqlFiles, path)
		if err != nil {
			t.Fatal(err)
		}
		// Unlike PREPARE this checks the rights on the tables too. The simple protocol, since
		// the statement's parameters get no values.
		if _, err := conn.PgConn().Exec(t.Context(), "explain (generic_plan)\n"+string(sql)).ReadAll(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
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
