package unwrap

import (
	"strings"
	"testing"

	"sluice/normalize"
)

func TestMetadata(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("ab", 32)
	for _, c := range []struct{ in, want string }{
		{sum + "  2026/acme-1.json\n", "the check sum of another file"},
		{sum, "the check sum of another file"},
		{strings.Repeat("CD", 64) + " *acme.json\n" + strings.Repeat("01", 64) + " *b.json\n", "the check sum of another file"},
		{"-----BEGIN PGP SIGNATURE-----\n\nwsB\n-----END PGP SIGNATURE-----\n", "the signature of another file"},
		{"-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "an OpenPGP key"},
		{"Contact: mailto:psirt@example.org\nExpires: 2027-01-01T00:00:00Z\nCSAF: https://example.org/.well-known/csaf/provider-metadata.json\n", "security.txt"},
		{"2026/acme-1.json\n2025/acme-2.json\n", "a list of files"},
		{"\"2026/acme-1.json\",\"2026-03-01T10:00:00Z\"\n\"2025/acme-2.json\",\"2025-03-01T10:00:00+01:00\"\n", "a list of changes"},
		{"2026/acme-1.json,2026-03-01T10:00:00Z\r\n", "a list of changes"},
		{`{"feed":{"id":"x","entry":[]}}`, "a ROLIE feed"},
		{`{"service":{"workspace":[]}}`, "metadata of a CSAF provider"},
		{`{"categories":{"category":[]}}`, "metadata of a CSAF provider"},
		{`{"canonical_url":"https://example.org/provider-metadata.json","metadata_version":"2.0","publisher":{},"role":"csaf_provider"}`, "metadata of a CSAF provider"},

		{"SPDXVersion: SPDX-2.3\n", ""},
		{"id: GO-2026-1\nsummary: x.json\n", ""},
		{"#model_version:v2025,score_date:2025\ncve,epss,percentile\n", ""},
		{sum + "\nsomething else\n", ""},
		{"hello\n", ""},
		{`{"document":{"category":"csaf_vex"},"feed":1}`, ""},
		{`{"feed":{"name":"mine"}}`, ""},
		{`{"service":"http","port":80}`, ""},
	} {
		list := walk(t, []byte(c.in), normalize.Limits{})
		if len(list) != 1 || list[0].Pass != c.want || list[0].Err != nil {
			t.Errorf("%.60q: %s", c.in, show(list))
		}
	}
	// A long list is looked at in part.
	if list := walk(t, []byte(strings.Repeat("2026/acme-1.json\n", 100_000)), normalize.Limits{}); list[0].Pass != "a list of files" {
		t.Error("a long list is a document")
	}
}
