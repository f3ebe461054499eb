package openvex

import (
	"testing"

	"sluice/internal/test/testdocs"
)

// TestRealDocuments reads every OpenVEX document of the corpus: all must be accepted.
func TestRealDocuments(t *testing.T) {
	documents, statements := 0, 0
	for _, e := range testdocs.Manifest(t, "OpenVEX") {
		doc, err := read(e.Read(t))
		if err != nil {
			t.Errorf("%s: %v", e.Path, err)
			continue
		}
		documents++
		statements += len(doc.Statements)
		for _, w := range doc.Warnings {
			t.Logf("%s: %s %s: %s", e.Path, w.Code, w.Pointer, w.Message)
		}
		t.Logf("%s: %q %q %s %q, %d statements", e.Path, doc.FormatVersion, doc.ID, doc.Time.Format("2006-01-02"), doc.Issuer, len(doc.Statements))
	}
	t.Logf("%d documents, %d statements", documents, statements)
	if documents < 70 {
		t.Errorf("only %d documents; the manifest lists more", documents)
	}
}
