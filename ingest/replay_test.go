package ingest_test

import (
	"testing"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
	"sluice/normalize"
	"sluice/normalize/spdx"
)

func TestContractOfReplay(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, func(t *testing.T, documents [][]byte) sourcetest.Fixture {
		h := newHarness(t)
		// Parked by a program that knows none of them.
		park := h.pipeline(ingest.Config{Formats: []normalize.Format{spdx.JSON{}}, BatchDocuments: 1})
		if c := h.run(park, h.list(documents...)); c.Parked != int64(len(documents)) {
			t.Fatalf("%+v, want all parked", c)
		}
		return sourcetest.Fixture{Pool: h.pool, Open: func(t *testing.T) ingest.Source {
			src, err := ingest.NewReplay(t.Context(), h.pool, h.tenant, 0, ingest.ParkedFilter{})
			if err != nil {
				t.Fatal(err)
			}
			return src
		}}
	})
}
