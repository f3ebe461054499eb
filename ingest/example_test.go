package ingest_test

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
)

// shelf is a source of documents in memory. A source that can be read again moves its position in
// Advance, in the transaction of the documents.
type shelf []ingest.Envelope

func (s *shelf) Next(context.Context) (ingest.Envelope, error) {
	if len(*s) == 0 {
		return ingest.Envelope{}, io.EOF
	}
	env := (*s)[0]
	*s = (*s)[1:]
	return env, nil
}

func (s *shelf) Advance(context.Context, pgx.Tx, []ingest.Envelope) error { return nil }
func (s *shelf) Committed([]ingest.Envelope)                              {}
func (s *shelf) Parallel() int                                            { return 1 }

// A pipeline carries what a source hands over and says what became of each document.
func Example() {
	t := dbtest.NewExample()
	defer t.Close()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	pool := db.Pool(t, pg.Ingest, ingest.PoolConfig(3))

	ctx := context.Background()
	run, err := ingest.StartRun(ctx, pool, acme, "example", nil)
	if err != nil {
		panic(err)
	}
	pipeline, err := ingest.New(pool, ingest.Config{
		Formats: []normalize.Format{cyclonedx.JSON{}},
		OnReceipts: func(list []ingest.Receipt) {
			for _, r := range list {
				fmt.Printf("%s: %s %s\n", r.Origin, r.Outcome, r.Format+r.Reason)
			}
		},
	})
	if err != nil {
		panic(err)
	}
	document := func(tenant id.ID, origin, text string) ingest.Envelope {
		return ingest.Envelope{Tenant: tenant, ScanRun: run, Origin: origin, Bytes: []byte(text)}
	}
	sbom := `{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "left", "purl": "pkg:npm/left@1.0.0"}]}`
	err = pipeline.Run(ctx, &shelf{
		document(acme, "a.json", sbom),
		document(acme, "b.json", sbom),
		document(acme, "c.json", "{"),
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// a.json: accepted cyclonedx-json
	// b.json: duplicate cyclonedx-json
	// c.json: parked syntax
}
