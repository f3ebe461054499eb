package sourcetest_test

import (
	"testing"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
	"sluice/internal/dbtest"
	"sluice/internal/pg"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestLog(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, logFixture(false))
}

func TestEndlessLog(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, logFixture(true))
}

func logFixture(endless bool) sourcetest.New {
	return func(t *testing.T, documents [][]byte) sourcetest.Fixture {
		db := dbtest.New(t)
		pool := db.Pool(t, pg.Ingest, ingest.PoolConfig(4))
		tenant := db.Tenant(t, "acme")
		var list []ingest.Envelope
		for _, d := range documents {
			list = append(list, ingest.Envelope{Tenant: tenant, Bytes: d})
		}
		return sourcetest.Fixture{
			Pool: pool, Endless: endless, Fenced: true,
			Open: func(t *testing.T) ingest.Source {
				l, err := sourcetest.OpenLog(t.Context(), pool, "log", list)
				if err != nil {
					t.Fatal(err)
				}
				l.Endless = endless
				return l
			},
		}
	}
}
