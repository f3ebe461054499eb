package ingest

import (
	"io/fs"
	"os"
	"reflect"
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
	conn, projector := db.Conn(t, pg.Ingest), db.Conn(t, pg.Projector)
	if err := createStaging(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	paths, err := fs.Glob(sqlFiles, "sql/*.sql")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no statements: %v", err)
	}
	for _, path := range paths {
		if strings.HasPrefix(path, "sql/staging") {
			continue // ran above
		}
		conn := conn
		if path == "sql/forget_statements.sql" {
			conn = projector // who makes the statements of a stored document again
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
