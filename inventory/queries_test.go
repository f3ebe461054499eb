package inventory

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// roles are who runs the statements that are no questions of one tenant's reader.
var roles = map[string]pg.Role{
	"known_package": pg.Ingest, "decision": pg.Ingest, "put_decision": pg.Ingest, "decisions_in_force": pg.Ingest, "withdraw_decision": pg.Ingest, "lock_decisions": pg.Ingest, "queue_decision": pg.Ingest,
	"drop_parked": pg.Ingest,
}

// TestQueriesPrepare plans every statement of sql/ as the role that runs it: a column that
// a migration renames, or a right that it takes away, is found here.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	paths, err := fs.Glob(sqlFiles, "sql/*.sql")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no statements: %v", err)
	}
	for _, path := range paths {
		sql, err := fs.ReadFile(sqlFiles, path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(sql), "-- ") {
			t.Errorf("%s does not open with why it has this shape", path)
		}
		role, other := roles[strings.TrimSuffix(strings.TrimPrefix(path, "sql/"), ".sql")]
		if !other {
			role = pg.Reader
		}
		// Unlike PREPARE this checks the rights on the tables too. The simple protocol, since
		// the statement's parameters get no values.
		if _, err := db.Conn(t, role).PgConn().Exec(t.Context(), "explain (generic_plan)\n"+string(sql)).ReadAll(); err != nil {
			t.Errorf("%s as %s: %v", path, role, err)
		}
	}
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
