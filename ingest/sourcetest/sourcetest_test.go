package sourcetest_test

import (
	"path"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestLog(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, logFixture(dbtest.New(t), false))
}

func TestEndlessLog(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, logFixture(dbtest.New(t), true))
}

func logFixture(db *dbtest.DB, endless bool) sourcetest.New {
	return func(t *testing.T, documents [][]byte) sourcetest.Fixture {
		pool := db.Pool(t, pg.Ingest, ingest.PoolConfig(4))
		tenant := db.Tenant(t, strings.ToLower(path.Base(t.Name())))
		var list []ingest.Envelope
		for _, d := range documents {
			list = append(list, ingest.Envelope{Tenant: tenant, Bytes: d})
		}
		return sourcetest.Fixture{
			Pool: pool, Endless: endless, Fenced: true,
			Open: func(t *testing.T) ingest.Source {
				l, err := sourcetest.OpenLog(t.Context(), pool, tenant.String(), list)
				if err != nil {
					t.Fatal(err)
				}
				l.Endless = endless
				return l
			},
		}
	}
}
