package purl

import (
	"strings"
	"testing"
)

func TestUnreadable(t *testing.T) {
	for s, want := range map[string]string{
		"pkg:npm/lodash":                       "",
		"pkg:npm/lodash@4.17.20?x=y":           "",
		"PKG:NPM/Lodash":                       "",
		"pkg:npm/@babel/core@7.0.0":            "",
		"pkg:oci/app":                          "",
		"pkg:generic/a b":                      "",
		"":                                     "is empty",
		"lodash":                               "does not start with pkg:",
		"pkg:golang/@%28devel%29":              "has no name",
		"pkg:npm":                              "has no name",
		"pkg:npm/":                             "has no name",
		"pkg:n!pm/x":                           "has a type that is none",
		"pkg:npm/%20":                          "is no purl",
		"pkg:npm/a%FFb":                        "holds bytes that are no text",
		"pkg:npm/" + strings.Repeat("a", 3000): "is too long",
		"pkg:npm/" + strings.Repeat("a", 1500): "is too long",
		"pkg:generic/a@" + strings.Repeat("1", 3000): "is too long",
	} {
		if got := Unreadable(s); got != want {
			t.Errorf("%.60q: %q, want %q", s, got, want)
		}
	}
}
