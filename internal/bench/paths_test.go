package bench

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/fixtures"
	"sluice/normalize"
	"sluice/normalize/csaf"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/detect"
	"sluice/normalize/openvex"
	"sluice/normalize/osv"
	"sluice/normalize/spdx"
)

// The pure paths of an import, counted instead of timed: instructions by callgrind and allocations
// hardly depend on the machine, and not at all on who else uses it. make bench-check compares them
// with testdata/paths.json, make bench-instructions writes that file anew.

var updatePaths = flag.Bool("update", false, "write testdata/paths.json")

const (
	envPaths = "SLUICE_PATHS"      // count: compare, or with -update write
	envPath  = "SLUICE_PATH"       // the path that a child runs
	envTimes = "SLUICE_PATH_TIMES" // and how often
)

// How much more than the file says is a regress. What the start of a program takes differs by some
// hundred thousand instructions, which is 1 % of a short path over 400 runs of it; hash seeds differ too.
const (
	moreInstructions = 1.10
	moreAllocations  = 1.02
)

// figure is what one run of a path takes.
type figure struct {
	Bytes        int   `json:"bytes"` // of the document
	Instructions int64 `json:"instructions,omitempty"`
	Allocations  int64 `json:"allocations"`
}

type path struct {
	bytes int
	run   func() error
}

// paths are those of the chief formats, over documents of this repository; only the one named, where one is.
func paths(t testing.TB, only string) map[string]path {
	t.Helper()
	all := map[string]path{}
	for _, d := range []struct {
		name, file string
		format     normalize.Format
	}{
		{"cyclonedx-json", "", cyclonedx.JSON{}},
		{"cyclonedx-xml", "documents/10-till.cdx.xml", cyclonedx.XML{}},
		{"spdx-json", "documents/09-edge-gateway.spdx.json", spdx.JSON{}},
		{"openvex", "documents/01-router-before-its-sbom.openvex.json", openvex.Format{}},
		{"csaf", "documents/14-storefront-and-gateway.csaf.json", csaf.Format{}},
		{"osv", "feed/npm/GHSA-demo-1001-xmpl.json", osv.JSON{}},
	} {
		if only != "" && !strings.HasPrefix(only, d.name+" ") {
			continue
		}
		doc := readPath(t, d.file)
		head, err := detect.Scan(doc, normalize.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
		add := func(step string, run func() error) { all[d.name+" "+step] = path{len(doc), run} }
		add("scan", func() error {
			_, err := detect.Scan(doc, normalize.Limits{})
			return err
		})
		add("normalize", func() error {
			_, err := d.format.Normalize(normalize.Input{Bytes: doc, Head: head})
			return err
		})
		if head.Syntax == normalize.JSON {
			add("meaning", func() error {
				_, err := detect.MeaningHash(doc, normalize.MeaningOf(d.format))
				return err
			})
		}
	}
	return all
}

// readPath is a document of fixtures, or a generated one.
func readPath(t testing.TB, file string) (doc []byte) {
	t.Helper()
	var err error
	if file != "" {
		doc, err = os.ReadFile(filepath.Join("..", "..", "fixtures", file))
	} else {
		err = fixtures.Load{Documents: 1, Components: 20, Packages: 100, Seed: 1}.Each(func(_ string, b []byte) error {
			doc = b
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestPaths runs each path once, or counts where it is asked to. Not parallel: AllocsPerRun counts
// those of the whole process.
func TestPaths(t *testing.T) {
	if name := os.Getenv(envPath); name != "" {
		runPath(t, name)
		return
	}
	all := paths(t, "")
	if os.Getenv(envPaths) != "count" {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if err := all[name].run(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		return
	}
	file := filepath.Join("testdata", "paths.json")
	want := map[string]figure{}
	if b, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
	} else if !*updatePaths {
		t.Fatal(err)
	}
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		t.Log("valgrind is not installed: only allocations are compared")
	}
	got := map[string]figure{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := countAllocations(t, name, all[name])
		if valgrind != "" {
			f.Instructions = countInstructions(t, valgrind, name)
		}
		got[name] = f
		w := want[name]
		t.Logf("%-26s %7d bytes %10d instructions (%s) %6d allocations (%s)", name, f.Bytes, f.Instructions, ratio(f.Instructions, w.Instructions), f.Allocations, ratio(f.Allocations, w.Allocations))
		if *updatePaths {
			continue
		}
		if float64(f.Instructions) > moreInstructions*float64(w.Instructions) && w.Instructions > 0 {
			t.Errorf("%s: %d instructions, %s of what the file says", name, f.Instructions, ratio(f.Instructions, w.Instructions))
		}
		if float64(f.Allocations) > moreAllocations*float64(w.Allocations)+1 {
			t.Errorf("%s: %d allocations, %s of what the file says", name, f.Allocations, ratio(f.Allocations, w.Allocations))
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok && !*updatePaths {
			t.Errorf("%s is in the file and no path", name)
		}
	}
	if *updatePaths {
		b, err := json.MarshalIndent(got, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func ratio(got, want int64) string {
	if want == 0 {
		return "new"
	}
	return fmt.Sprintf("%.3f", float64(got)/float64(want))
}

func countAllocations(t *testing.T, name string, p path) figure {
	t.Helper()
	var err error
	n := testing.AllocsPerRun(50, func() { err = errors.Join(err, p.run()) })
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return figure{Bytes: p.bytes, Allocations: int64(n)}
}

// runPath is the child: everything else that it does is the same however often it runs the path.
func runPath(t *testing.T, name string) {
	times, err := strconv.Atoi(os.Getenv(envTimes))
	if err != nil {
		t.Fatal(err)
	}
	p, ok := paths(t, name)[name]
	if !ok {
		t.Fatalf("there is no path %q", name)
	}
	for range times {
		if err := p.run(); err != nil {
			t.Fatal(err)
		}
	}
}

var collected = regexp.MustCompile(`Collected : (\d+)`)

// countInstructions is the difference between many runs and few: without the program's start. There is
// no collector and one processor, so that nothing happens at a time of its own.
func countInstructions(t *testing.T, valgrind, name string) int64 {
	t.Helper()
	const few, many = 10, 410
	count := func(times int) int64 {
		cmd := exec.Command(valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null", os.Args[0], "-test.run=^TestPaths$")
		cmd.Env = append(os.Environ(), envPath+"="+name, envTimes+"="+strconv.Itoa(times), "GOGC=off", "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1")
		out, err := cmd.CombinedOutput()
		m := collected.FindSubmatch(out)
		if err != nil || m == nil {
			t.Fatalf("%s under callgrind: %v\n%s", name, err, out)
		}
		n, _ := strconv.ParseInt(string(m[1]), 10, 64)
		return n
	}
	return (count(many) - count(few)) / (many - few)
}
