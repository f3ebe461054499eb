package version

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"sluice/internal/test/testdocs"
)

func TestInVers(t *testing.T) {
	for _, c := range []struct {
		vers, version string
		want          bool
	}{
		{"vers:npm/>=1.0.0|<2.0.0", "1.5.0", true},
		{"vers:npm/>=1.0.0|<2.0.0", "2.0.0", false},
		{"vers:npm/<2.0.0|>=1.0.0", "1.0.0", true}, // not sorted
		{"vers:npm/ >=1.0.0 | <2.0.0 |", "1.0.0", true},
		{"vers:npm/*", "7.0.0", true},
		{"vers:all/*", "7.0.0", true},
		{"vers:none/*", "7.0.0", false},
		{"vers:npm/1.0.0|2.0.0", "2.0.0", true},
		{"vers:npm/1.0.0|2.0.0", "1.5.0", false},
		{"vers:npm/!=1.0.0", "1.0.0", false},
		{"vers:npm/!=1.0.0", "1.0.1", true},
		{"vers:npm/>1.0.0", "1.0.0", false},
		{"vers:npm/<1.0.0|>=2.0.0|<3.0.0|>4.0.0", "2.5.0", true},
		{"vers:npm/<1.0.0|>=2.0.0|<3.0.0|>4.0.0", "3.5.0", false},
		{"vers:npm/<1.0.0|>=2.0.0|<3.0.0|>4.0.0", "0.5.0", true},
		{"vers:npm/<1.0.0|>=2.0.0|<3.0.0|>4.0.0", "5.0.0", true},
		{"vers:deb/<1%3A2.0", "3.0", true},
		{"vers:golang/>=v1.0.0|<v1.5.0", "1.2.0", true},
		{"vers:generic/<=2.1", "2.1", true},
		{"VERS:PyPI/<2", "1!1.0", false},
	} {
		got, err := InVers(c.vers, c.version)
		if err != nil || got != c.want {
			t.Errorf("InVers(%q, %q) = %v, %v; want %v", c.vers, c.version, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "npm/1.0", "vers:npm", "vers:npm/", "vers:/1.0", "vers:npm/>=latest", "vers:npm/*|1.0.0", "pkg:npm/x"} {
		if _, err := ParseVers(bad); !errors.Is(err, ErrVers) {
			t.Errorf("ParseVers(%q): %v, want ErrVers", bad, err)
		}
	}
	if _, err := InVers("vers:npm/>=1.0.0", "latest"); !errors.Is(err, ErrInvalid) {
		t.Errorf("latest: %v, want ErrInvalid", err)
	}
}

// TestVersSpec runs the containment cases of the VERS specification, and reads every
// range that its other cases hold to be right.
func TestVersSpec(t *testing.T) {
	contained, read := 0, 0
	for _, c := range testdocs.SpecCases(t, "vers-spec/tests/*.json") {
		switch {
		case c.Type == "containment":
			var in struct{ Vers, Version string }
			var want bool
			if json.Unmarshal(c.Input, &in) != nil || json.Unmarshal(c.Output, &want) != nil {
				t.Fatalf("%s: %s", c.File, c.Input)
			}
			contained++
			if got, err := InVers(in.Vers, in.Version); err != nil || got != want {
				t.Errorf("%s: InVers(%q, %q) = %v, %v; want %v", c.File, in.Vers, in.Version, got, err, want)
			}
		case (c.Type == "validate" || c.Type == "parse") && !c.Failure:
			var in string
			if json.Unmarshal(c.Input, &in) != nil {
				continue
			}
			read++
			// One case has a slash in a version of npm, for the sake of the escape.
			if _, err := ParseVers(in); err != nil && !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: ParseVers(%q): %v", c.File, in, err)
			}
		}
	}
	t.Logf("%d containment cases, %d ranges read", contained, read)
}

func ExampleInVers() {
	in, _ := InVers("vers:npm/>=1.0.0|<2.0.0", "1.5.0")
	fmt.Println(in)
	// Output: true
}

func FuzzVers(f *testing.F) {
	f.Add("vers:npm/>=1.0.0|<2.0.0", "1.5.0")
	f.Add("vers:deb/!=1%3A2.0|*", "3.0")
	f.Add("vers:datetime/>=2020|<=x", "y")
	f.Fuzz(func(t *testing.T, text, v string) {
		a, err := InVers(text, v)
		b, err2 := InVers(text, v)
		if a != b || (err == nil) != (err2 == nil) {
			t.Fatalf("not the same twice: %v %v, %v %v", a, err, b, err2)
		}
		if err != nil && !errors.Is(err, ErrVers) && !errors.Is(err, ErrInvalid) {
			t.Fatalf("%v is neither ErrVers nor ErrInvalid", err)
		}
	})
}
