package version

import (
	"strings"
	"testing"

	"sluice/normalize"
)

// TestWords: what is said of a version, and that it agrees with what is decided.
func TestWords(t *testing.T) {
	t.Parallel()
	ranges := func(events ...normalize.Event) []normalize.Range {
		return []normalize.Range{{Type: "ECOSYSTEM", Events: events}}
	}
	two := ranges(normalize.Event{Introduced: "0"}, normalize.Event{Fixed: "4.17.21"}, normalize.Event{Introduced: "5.0.0"}, normalize.Event{LastAffected: "5.2.0"})
	for _, tc := range []struct {
		ecosystem, version string
		ranges             []normalize.Range
		versions           []string
		first              string
		affected           bool
	}{
		{"npm", "4.17.20", two, nil, "introduced 0: affected from the first version on; 4.17.20 is below 4.17.21, which fixes it", true},
		{"npm", "4.17.21", two, nil, "introduced 0: affected from the first version on; 4.17.21 is equal to 4.17.21, which fixes it", false},
		{"npm", "5.2.0", two, nil, "5.2.0 is above 5.0.0, which introduced it; 5.2.0 is equal to 5.2.0, the last one that is affected", true},
		{"npm", "5.0.0-rc.1", two, nil, "introduced 0: affected from the first version on; 5.0.0-rc.1 is above 4.17.21, which fixes it", false},
		{"Debian:12", "1:1.0-1", ranges(normalize.Event{Introduced: "0"}, normalize.Event{Fixed: "2.0-1"}), nil, "introduced 0: affected from the first version on; 1:1.0-1 is above 2.0-1, which fixes it", false},
		{"PyPI", "1.0", ranges(normalize.Event{Introduced: "0.9"}), nil, "1.0 is above 0.9, which introduced it; no later version is said to be without it", true},
		{"npm", "1.2.3", nil, []string{"1.2.3", "1.2.4"}, "the record lists 1.2.3, or a version that is equal to it", true},
		{"npm", "1.2.5", nil, []string{"1.2.3", "1.2.4"}, "1.2.5 is none of the 2 versions that the record lists", false},
		{"npm", "1.2.5", nil, nil, "the record names no versions", false},
		{"Packagist", "dev-master", nil, []string{"dev-master"}, "the record lists dev-master by its text", true},
		{"Go", "(devel)", two, nil, `"(devel)" has no place in the order of Go versions, and the record does not list it`, false},
	} {
		c := Compile(&normalize.AffectedPackage{Ecosystem: tc.ecosystem, Ranges: tc.ranges, Versions: tc.versions})
		words := c.Words(tc.version)
		if words[0] != tc.first {
			t.Errorf("%s %s: %q, want %q", tc.ecosystem, tc.version, words[0], tc.first)
		}
		if _, affected, _ := c.Affected(tc.version); affected != tc.affected {
			t.Errorf("%s %s: affected is %t, and %s", tc.ecosystem, tc.version, affected, strings.Join(words, " | "))
		}
	}
}
