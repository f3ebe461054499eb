package files

import (
	"testing"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

// TestQueriesPrepare plans every statement of sql/ as the role that runs it.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	dbtest.Plan(t, sqlFiles, dbtest.New(t).Conn(t, pg.Ingest), nil)
}
