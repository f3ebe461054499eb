package purl

import "testing"

func TestProblem(t *testing.T) {
	for s, fine := range map[string]bool{
		"pkg:npm/a":                                           true,
		"pkg:npm/%40babel/core@7.0.0":                         true,
		"pkg:npm/@babel/core@7.0.0":                           true, // sloppy, but Parse reads it
		"PKG:Maven/org.a/b@1?type=jar&classifier=x#y":         true,
		"pkg://deb/debian/curl@7.50.3-1?arch=i386":            true,
		"pkg:golang/example.com/m@v1.0.0+incompatible":        true,
		"pkg:oci/a@sha256%3Aabc?repository_url=example.com/a": true,
		"":                 false,
		"npm/a":            false,
		"pkg:":             false,
		"pkg:npm":          false,
		"pkg:npm/":         false,
		"pkg:npm/@1.0":     false,
		"pkg:/a":           false,
		"pkg:n$m/a":        false,
		"pkg:npm/a b":      false,
		"pkg:npm/a?arch":   false,
		"pkg:npm/a?=x":     false,
		"pkg:npm/a%":       false,
		"pkg:npm/a%2":      false,
		"pkg:npm/a%20b%zz": false,
		"cpe:2.3:a:a:a:1":  false,
	} {
		problem := Problem(s)
		if (problem == "") != fine {
			t.Errorf("%q: %q", s, problem)
		}
		if _, err := Parse(s); problem == "" && err != nil {
			t.Errorf("%q: no problem, but Parse says %v", s, err)
		}
	}
}
