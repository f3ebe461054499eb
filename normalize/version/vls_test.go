package version

import (
	"errors"
	"strings"
	"testing"
)

// TestRange holds what documents write in place of a VERS range.
func TestRange(t *testing.T) {
	for _, c := range []struct{ scheme, text, want string }{
		{"npm", "vers:npm/>=1.0|<2.0", "vers:npm/>=1.0|<2.0"},
		{"npm", " vers:pypi/0.0.0|1.0|2.0pre1 ", "vers:pypi/0.0.0|1.0|2.0pre1"},
		{"npm", "vers:tomee/>=8.0.0-M1|<=8.0.1", "vers:tomee/>=8.0.0-M1|<=8.0.1"},
		{"npm", "vers:all/*", "vers:all/*"},
		{"npm", "vers:all/<V3.1.4", "vers:npm/<3.1.4"}, // as Siemens has it
		{"", "vers:all/<V3.1.4", "vers:generic/<3.1.4"},
		// vls: the examples of section 3.1.2.3.2 of CSAF.
		{"", "<=2", "vers:generic/<=2"},
		{"", "<4.2", "vers:generic/<4.2"},
		{"", "<V3.0.29", "vers:generic/<3.0.29"},
		{"", ">=8.1.5", "vers:generic/>=8.1.5"},
		{"NPM", ">=2.2.0|!= 2.2.1|<2.3.0", "vers:npm/>=2.2.0|!=2.2.1|<2.3.0"},
		{"npm", "1.2.3|>=2.0.0|<5.0.0", "vers:npm/1.2.3|>=2.0.0|<5.0.0"},
		{"npm", ">=1.0, <2.0", "vers:npm/>=1.0|<2.0"},
		{"npm", ">=1.0,<2.0;3.0", "vers:npm/>=1.0|<2.0|3.0"},
		{"npm", ">=1.0 <2.0", "vers:npm/>=1.0|<2.0"},
		{"npm", ">= 1.0 and < 2.0", "vers:npm/>=1.0|<2.0"},
		{"npm", "< 1.0 || >= 2.0", "vers:npm/<1.0|>=2.0"},
		{"npm", "≥1.0 ≤2.0", "vers:npm/>=1.0|<=2.0"},
		{"npm", "==1.0", "vers:npm/1.0"},
		{"npm", "1.0", "vers:npm/1.0"},
		{"npm", "1.0, 1.1 or 1.2", "vers:npm/1.0|1.1|1.2"},
		{"deb", "<1:2.0-3", "vers:deb/<1%3A2.0-3"},
		{"golang", "<v1.4.0", "vers:golang/<1.4.0"},
		{"", "*", "vers:generic/*"},
		{"", "All versions", "vers:generic/*"},
		{"", "any version", "vers:generic/*"},
		// Those that CSAF gives as wrong for a single version.
		{"", "8.0.0 - 8.0.1", "vers:generic/>=8.0.0|<=8.0.1"},
		{"", "8.1.5 and later", "vers:generic/>=8.1.5"},
		{"", "<= 2", "vers:generic/<=2"},
		{"", "prior to 4.2", "vers:generic/<4.2"},
		{"", "All versions < V3.0.29", "vers:generic/<3.0.29"},
		{"", "V3.0, V4.0, V4.1, V4.2", "vers:generic/3.0|4.0|4.1|4.2"},
		{"", "All versions prior to version 4.5", "vers:generic/<4.5"},
		{"", "Versions before 4.5.1.", "vers:generic/<4.5.1"},
		{"", "All versions >= V4.0 < V4.5", "vers:generic/>=4.0|<4.5"},
		{"", "4.2 and earlier", "vers:generic/<=4.2"},
		{"", "4.2 and prior versions", "vers:generic/<=4.2"},
		{"", "4.2 or later", "vers:generic/>=4.2"},
		{"", "from 4.0 before 4.2", "vers:generic/>=4.0|<4.2"},
		{"", "from 4.0 up to and including 4.2", "vers:generic/>=4.0|<=4.2"},
		{"", "4.0 through 4.2", "vers:generic/>=4.0|<=4.2"},
		{"", "4.0 to 4.2", "vers:generic/>=4.0|<=4.2"},
		{"", "later than 4.0", "vers:generic/>4.0"},
	} {
		if got, err := Range(c.scheme, c.text); err != nil || got != c.want {
			t.Errorf("Range(%q, %q) = %q, %v; want %q", c.scheme, c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{
		"", " ", "latest", "unknown", "see the advisory", "4.x", "4.*", "< 4.x", "<", ">=", "before", "up to 4.2", "until 4.2", "4.2 except 4.1", "4.2 SP1", "< 4.2 SP1", "4.2 7", "<4.2 7",
		"before 4.2 and later", "~1.2", "^1.2", "[1.0,2.0)", "vers:npm", "vers:npm/", "vers:npm/>=latest", "vers:all/", "vers:all/latest", "vers:none/1.0", "vers:/1.0",
		"tomorrow", "to", "1.0 -", "- 1.0", ">1.0 - 2.0", "<>1.0", strings.Repeat("1.0|", 600) + "1.0",
	} {
		if got, err := Range("npm", bad); !errors.Is(err, ErrVers) || got != "" {
			t.Errorf("Range(%q) = %q, %v; want ErrVers", bad, got, err)
		}
	}
}

func TestExactly(t *testing.T) {
	for _, c := range [][3]string{
		{"npm", "1.0.0", "vers:npm/1.0.0"},
		{"", "1:2.0|x", "vers:generic/1%3A2.0%7Cx"},
		{"Deb", "1.0+b 1", "vers:deb/1.0%2Bb%201"},
	} {
		if got := Exactly(c[0], c[1]); got != c[2] {
			t.Errorf("Exactly(%q, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
	if in, err := InVers(Exactly("deb", "1:2.0-1"), "1:2.0-1"); !in || err != nil {
		t.Error(in, err)
	}
}

// FuzzRange holds that what Range returns is a range, and the same when read again.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"<4.2", "prior to 4.2", "1.0 - 2.0", "vers:all/<V1", "all versions"} {
		f.Add("npm", s)
	}
	f.Fuzz(func(t *testing.T, scheme, text string) {
		got, err := Range(scheme, text)
		if err != nil {
			if !errors.Is(err, ErrVers) && !errors.Is(err, ErrInvalid) {
				t.Fatalf("%v is neither ErrVers nor ErrInvalid", err)
			}
			return
		}
		if _, err := ParseVers(got); err != nil {
			t.Fatalf("%q gives %q: %v", text, got, err)
		}
		if again, err := Range(scheme, got); err != nil || again != got {
			t.Fatalf("%q gives %q, then %q: %v", text, got, again, err)
		}
	})
}
