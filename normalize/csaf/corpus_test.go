package csaf

import (
	"bytes"
	"context"
	"testing"

	"sluice/internal/test/brief"
	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/unwrap"
)

// eachReal calls fn with each real CSAF document, unpacked.
func eachReal(tb testing.TB, fn func(path string, b []byte, h *normalize.Head)) {
	tb.Helper()
	for _, file := range testdocs.Manifest(tb, "CSAF", "compressed") {
		source := unwrap.Source{Origin: file.Path, Reader: bytes.NewReader(file.Read(tb))}
		err := unwrap.Walk(context.Background(), source, normalize.Limits{}, func(e unwrap.Entry) error {
			if e.Err != nil {
				return nil // bomb.bz2
			}
			h, err := detect.Scan(e.Bytes, normalize.Limits{})
			if err != nil {
				tb.Errorf("%s: %v", file.Path, err)
				return nil
			}
			if file.Format == "CSAF" || (Format{}).Detect(h) {
				fn(file.Path, e.Bytes, h)
			}
			return nil
		})
		if err != nil {
			tb.Error(err)
		}
	}
}

// TestRealDocuments reads every CSAF document of the corpus: all must be accepted.
func TestRealDocuments(t *testing.T) {
	if brief.Run(t) {
		t.Skip("short: reads hundreds of documents")
	}
	documents, statements, products := 0, 0, 0
	eachReal(t, func(path string, b []byte, h *normalize.Head) {
		if !(Format{}).Detect(h) {
			t.Errorf("%s: not recognised", path)
			return
		}
		doc, err := Format{}.Normalize(normalize.Input{Bytes: b, Head: h})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		documents++
		statements += len(doc.Statements)
		n := 0
		for _, s := range doc.Statements {
			n += len(s.Products)
		}
		products += n
		for _, w := range doc.Warnings {
			t.Logf("%s: %s %s: %s", path, w.Code, w.Pointer, w.Message)
		}
		t.Logf("%s: %d bytes, %s %s %s %q, %d statements, %d products", path, len(b), doc.FormatVersion, doc.ID, doc.Time.Format("2006-01-02"), doc.Issuer, len(doc.Statements), n)
		if doc.ID == "" || doc.Time.IsZero() || doc.Issuer == "" {
			t.Errorf("%s: id %q, time %v, issuer %q", path, doc.ID, doc.Time, doc.Issuer)
		}
	})
	t.Logf("%d documents, %d statements, %d products", documents, statements, products)
	if documents < 40 {
		t.Errorf("only %d documents; the manifest lists more", documents)
	}
}
