package purl

import "testing"

// TestUnmatchable: what no record can ever name is an unknown with the reason, and has no key
// to be looked up by in vain.
func TestUnmatchable(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		// Whose is it?
		"pkg:maven/cloud@1.0":                  ReasonInvalidPurl,
		"pkg:maven/%3Acloud@1.0":               ReasonInvalidPurl,
		"pkg:maven/g%3Acloud@1.0":              "",
		"pkg:maven/g/cloud@1.0":                "",
		"pkg:composer/evil@1.0.0":              ReasonInvalidPurl,
		"pkg:composer/php@8.1":                 ReasonInvalidPurl,
		"pkg:composer/a%2Fb@1.0.0":             "",
		"pkg:swift/swift-nio@1.0.0":            ReasonInvalidPurl,
		"pkg:github/checkout@v4":               ReasonInvalidPurl,
		"pkg:githubactions/checkout@v4":        ReasonInvalidPurl,
		"pkg:vscode-extension/java@1.0.0":      ReasonInvalidPurl,
		"pkg:golang/mymodule@v1.0.0":           ReasonInvalidPurl,
		"pkg:golang/gitea.dev@v1.0.0":          "",
		"pkg:golang/stdlib@1.22.0":             "",
		"pkg:golang/std@go1.22.0":              "",
		"pkg:golang/gopkg.in%2Fyaml.v2@v2.4.0": "",
		"pkg:npm/left@1.0.0":                   "",
		"pkg:hex/phoenix@1.0.0":                "",

		// Escaped in a wrong way, or no name at all.
		"pkg:npm/%2540babel/core@7.0.0": ReasonInvalidPurl,
		"pkg:npm/left%zz@1.0.0":         ReasonInvalidPurl,
		"pkg:pypi/my%20project@1.0":     ReasonInvalidPurl,
		"pkg:npm/My Product@1.0.0":      ReasonInvalidPurl,
		"pkg:npm/%E2%80%8Bleft@1.0.0":   ReasonInvalidPurl,
		"pkg:maven/${g}/a@1.0":          ReasonInvalidPurl,
		"pkg:pypi/requests[tls]@2.0":    ReasonInvalidPurl,

		// Wrong type, unknown distribution.
		"pkg:pip/requests@2.0":         ReasonUnknownEcosystem,
		"pkg:rubygems/rails@7.0":       ReasonUnknownEcosystem,
		"pkg:oci/app@1.0":              ReasonUnknownEcosystem,
		"pkg:deb/acme/openssl@3.0":     ReasonUnknownDistro,
		"pkg:rpm/openssl@3.0":          ReasonUnknownDistro,
		"pkg:deb/debian/openssl@3.0-1": ReasonUnknownDistro,
	} {
		p, err := Parse(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if p.Reason != want {
			t.Errorf("%s: reason %q, want %q", raw, p.Reason, want)
		}
		if want == ReasonInvalidPurl && (p.Key != "" || p.Keys() != nil) {
			t.Errorf("%s: looked up by %q %v", raw, p.Key, p.Keys())
		}
	}
}
