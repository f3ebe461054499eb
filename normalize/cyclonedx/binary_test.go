package cyclonedx_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"sluice/normalize/cyclonedx"
)

// TestBinaryFixture: bom.cdx, which tests of other packages import, is the binary form of bom.textproto. -update writes it.
func TestBinaryFixture(t *testing.T) {
	text, err := os.ReadFile("testdata/notations/bom.textproto")
	if err != nil {
		t.Fatal(err)
	}
	wire, err := cyclonedx.BinaryForm(text)
	if err != nil {
		t.Fatal(err)
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile("testdata/notations/bom.cdx", wire, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile("testdata/notations/bom.cdx")
	if err != nil || !bytes.Equal(stored, wire) {
		t.Errorf("bom.cdx is not the binary form of bom.textproto (-update writes it): %v", err)
	}
}
