package kafka

import (
	"io/fs"
	"testing"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

// TestQueriesPrepare plans every statement of sql/ as the role that runs it: a column that
// a migration renames, or a right that it takes away, is found here.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	conn := dbtest.New(t).Conn(t, pg.Ingest)
	paths, err := fs.Glob(sqlFiles, "sql/*.sql")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no statements: %v", err)
	}
	for _, path := range paths {
		sql, err := fs.ReadFile(sqlFiles, path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.PgConn().Exec(t.Context(), "explain (generic_plan)\n"+string(sql)).ReadAll(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
