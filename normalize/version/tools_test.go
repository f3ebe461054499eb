package version

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// toolEcosystems says by which ecosystem's order a file of answers is to be met.
var toolEcosystems = map[string]string{
	"deb": "Debian", "rpm": "Red Hat", "apk": "Alpine", "maven": "Maven", "pypi": "PyPI", "gem": "RubyGems", "npm": "npm",
	"composer": "Packagist", "nuget": "NuGet", "cargo": "crates.io", "hex": "Hex", "go": "Go", "conan": "ConanCenter",
}

// TestTools holds our orders to what the ecosystems' own tools answered: thousands of
// pairs each, written by tools/run.sh. Every difference has to be in toolDifferences.
func TestTools(t *testing.T) {
	for name, ecosystem := range toolEcosystems {
		t.Run(name, func(t *testing.T) {
			pairs, tool := toolAnswers(t, name)
			differences := map[string]bool{}
			for _, d := range toolDifferences[name] {
				differences[d] = true
			}
			o := orderOf(ecosystem)
			equal, wrong := 0, 0
			for _, p := range pairs {
				x, ok1 := o.parse(p.a)
				y, ok2 := o.parse(p.b)
				if !ok1 || !ok2 {
					if !differences[p.a+" "+p.b] {
						t.Errorf("%s (%v) and %s (%v): the tool takes both for versions", p.a, ok1, p.b, ok2)
						wrong++
					}
					continue
				}
				got := x.compare(y)
				if got == 0 {
					equal++
				}
				if differences[p.a+" "+p.b] {
					if got == p.want {
						t.Errorf("%s and %s: listed as a difference, but there is none", p.a, p.b)
					}
					continue
				}
				if got != p.want {
					wrong++
					t.Errorf("%s and %s: %d, the tool says %d", p.a, p.b, got, p.want)
				}
				if back := y.compare(x); back != -got {
					t.Errorf("%s and %s: %d, the other way round %d", p.a, p.b, got, back)
				}
				if same := x.key() == y.key(); same != (got == 0) {
					t.Errorf("%s and %s: compared %d, but keys equal: %v", p.a, p.b, got, same)
				}
			}
			t.Logf("%s: %d pairs, %d of them equal, %d wrong", tool, len(pairs), equal, wrong)
			if len(pairs) < 2000 {
				t.Errorf("only %d pairs", len(pairs))
			}
			if equal < 20 {
				t.Errorf("only %d pairs are equal: what is spelt differently is not tried", equal)
			}
		})
	}
}

// toolDifferences are the pairs that we order otherwise than the tool, by file, as
// docs/matching.md explains.
var toolDifferences = map[string][]string{}

type answer struct {
	a, b string
	want int
}

// toolAnswers reads a file of answers: the tool and its version, then pairs.
func toolAnswers(t testing.TB, name string) (list []answer, tool string) {
	t.Helper()
	dir := os.Getenv("SLUICE_TOOL_ANSWERS") // of a longer run, see tools/run.sh
	if dir == "" {
		dir = filepath.Join("testdata", "tools")
	}
	f, err := os.Open(filepath.Join(dir, name+".tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if comment, found := strings.CutPrefix(s.Text(), "# "); found {
			tool = comment
			continue
		}
		part := strings.Split(s.Text(), "\t")
		if len(part) != 3 {
			t.Fatalf("%s: %q is no answer", f.Name(), s.Text())
		}
		want, err := strconv.Atoi(part[2])
		if err != nil {
			t.Fatalf("%s: %q: %v", f.Name(), s.Text(), err)
		}
		list = append(list, answer{part[0], part[1], want})
	}
	if tool == "" {
		t.Errorf("%s does not say which tool answered", f.Name())
	}
	return list, tool
}
