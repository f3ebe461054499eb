package purl

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	packageurl "github.com/package-url/packageurl-go"

	"sluice/internal/test/testdocs"
)

func realPurls(t testing.TB) []string {
	b, err := os.ReadFile(filepath.Join(testdocs.Corpora(t), "documents", "PURLS.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// TestRealPurls reads every distinct purl of the corpora: what the library can read
// comes out as the library writes it, and reading the result again changes nothing.
func TestRealPurls(t *testing.T) {
	reasons := map[string]int{}
	differ := 0
	for _, raw := range realPurls(t) {
		p, err := Parse(raw)
		reasons[p.Reason]++
		lib, liberr := packageurl.FromString(raw)
		if err != nil {
			if liberr == nil {
				t.Errorf("Parse(%q): %v, the library reads it", raw, err)
			}
			continue
		}
		again, err := Parse(p.Purl)
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("not stable: %q\n first %+v\nsecond %+v %v", raw, p, again, err)
		}
		// An escaped slash in a name is a separator here; the library keeps it (see slashInName).
		if liberr == nil && lib.ToString() != p.Purl && p.Type != "git" && !strings.Contains(lib.Name, "/") {
			differ++
			if differ <= 10 {
				t.Errorf("canonical form of %q:\n    got %s\nlibrary %s", raw, p.Purl, lib.ToString())
			}
		}
	}
	t.Logf("reasons: %v; %d differ from the library", reasons, differ)
	if reasons[ReasonInvalidPurl] > 30 {
		t.Errorf("%d purls could not be read", reasons[ReasonInvalidPurl])
	}
}

// TestPurlSpec runs the suite of the purl specification. Cases that must fail are left
// out: that we read what others refuse is on purpose.
func TestPurlSpec(t *testing.T) {
	run, lenient := 0, 0
	for _, c := range testdocs.SpecCases(t, "purl-spec/tests/*/*.json") {
		if c.File == "git-test.json" && strings.HasPrefix(c.Description, "Parse test") {
			continue // wants a slash inside the name, unlike every other type
		}
		var input string
		if json.Unmarshal(c.Input, &input) != nil {
			continue // building from parts is not what this package does
		}
		if c.Failure {
			if _, err := Parse(input); err == nil {
				lenient++
			}
			continue
		}
		run++
		p, err := Parse(input)
		if err != nil {
			t.Errorf("%s: %s: Parse(%q): %v", c.File, c.Description, input, err)
			continue
		}
		var text string
		if json.Unmarshal(c.Output, &text) == nil {
			if p.Purl != text {
				t.Errorf("%s: %s: Parse(%q).Purl = %q, want %q", c.File, c.Description, input, p.Purl, text)
			}
			continue
		}
		var want struct {
			Type, Namespace, Name, Version, Subpath string
			Qualifiers                              map[string]string
		}
		if err := json.Unmarshal(c.Output, &want); err != nil {
			t.Fatal(c.File, c.Description, err)
		}
		got := []any{p.Type, p.Namespace, p.Name, p.Version, p.Subpath}
		if !reflect.DeepEqual(got, []any{want.Type, want.Namespace, want.Name, want.Version, want.Subpath}) ||
			len(p.Qualifiers)+len(want.Qualifiers) > 0 && !reflect.DeepEqual(p.Qualifiers, want.Qualifiers) {
			t.Errorf("%s: %s: Parse(%q) = %q %v, want %+v", c.File, c.Description, input, got, p.Qualifiers, want)
		}
	}
	t.Logf("%d cases; %d that must fail are read all the same", run, lenient)
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"pkg:npm/@scope/name@1.0.0", "pkg:deb/debian/libssl3@3.0.11-1?distro=debian-12&upstream=openssl%401.0", "pkg:rpm/x/y@1-2.el9",
		"pkg:golang/github.com/a/b@v1#c/d", "pkg:a/%2F%2f%00?x=%zz&y=1&x=2#./../%2e", "PKG://swift//a/b/ @v1 ",
		"pkg:deb/ubuntu/x@1ubuntu0.22.04?distro=ubuntu-pro-18.04", "pkg:rpm/suse/x@1?distro=sles-15.4",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		p, err := Parse(raw)
		if err != nil {
			return
		}
		again, err := Parse(p.Purl)
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Fatalf("not stable: %q\n first %+v\nsecond %+v %v", raw, p, again, err)
		}
		if p.Reason != ReasonInvalidPurl && p.Key != "" && p.Key != Key(p.Ecosystem, p.MatchName) {
			t.Fatalf("key %q, want %q", p.Key, Key(p.Ecosystem, p.MatchName))
		}
		if lib, err := packageurl.FromString(raw); err == nil && lib.ToString() != p.Purl {
			// Where they part ways the library must not agree with itself either.
			if second, err := packageurl.FromString(lib.ToString()); err == nil && second.ToString() == lib.ToString() && plainASCII(raw) {
				t.Fatalf("canonical form of %q: %q, library %q", raw, p.Purl, lib.ToString())
			}
		}
		p.Keys()
		p.WithVersion("1").WithDistro("debian-12")
	})
}

// plainASCII leaves out the texts that we clean up and the library takes as they are.
func plainASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' || s[i] == '%' {
			return false
		}
	}
	return !strings.Contains(s, "#")
}
