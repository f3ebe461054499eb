package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice/internal/test/brief"
)

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build-output and build-fail, where Package is empty
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

// test is one test or subtest while its package runs.
type test struct {
	output  strings.Builder
	outcome string // pass, fail or skip; empty while it runs
	parent  bool   // it has subtests, which are counted in its place
	elapsed float64
}

// pkg gathers the tests of one package until that package is done.
type pkg struct {
	tests  map[string]*test
	order  []string        // names as they started
	output strings.Builder // of no test in particular: TestMain, panics, benchmarks
}

type summary struct {
	out    io.Writer
	pkgs   map[string]*pkg
	builds map[string]*strings.Builder // compiler output by import path

	passed, failed, skipped int

	skips   map[string][]string // reason -> tests
	reasons []string            // in order of appearance
	fails   []string

	left map[string][]string // package -> top-level tests that left something out for -short

	slow []slow
}

// slow is a whole test, subtests included, and the seconds that it took.
type slow struct {
	name    string
	seconds float64
}

// listed is how many of the slowest tests are named at the end: a run that comes near its
// time limit says so itself where to look.
const listed = 12

func newSummary(out io.Writer) *summary {
	return &summary{
		out:    out,
		pkgs:   make(map[string]*pkg),
		builds: make(map[string]*strings.Builder),
		skips:  make(map[string][]string),
		left:   make(map[string][]string),
	}
}

// read consumes events until the end. A line that is no event is shown as it is:
// go test prints some of its own complaints that way.
func (s *summary) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				fmt.Fprintf(s.out, "%s\n", strings.TrimRight(string(line), "\n"))
			} else {
				s.add(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *summary) add(e event) {
	switch e.Action {
	case "build-output":
		b := s.builds[e.ImportPath]
		if b == nil {
			b = new(strings.Builder)
			s.builds[e.ImportPath] = b
		}
		b.WriteString(e.Output)
		return
	case "build-fail":
		return
	}

	p := s.pkgs[e.Package]
	if p == nil {
		p = &pkg{tests: make(map[string]*test)}
		s.pkgs[e.Package] = p
	}
	if e.Test == "" {
		switch e.Action {
		case "output":
			p.output.WriteString(e.Output)
		case "pass", "fail", "skip":
			s.finish(e, p)
			delete(s.pkgs, e.Package)
		}
		return
	}

	t := p.tests[e.Test]
	if t == nil {
		t = new(test)
		p.tests[e.Test] = t
		p.order = append(p.order, e.Test)
		if i := strings.LastIndexByte(e.Test, '/'); i > 0 {
			if parent := p.tests[e.Test[:i]]; parent != nil {
				parent.parent = true
			}
		}
	}
	switch e.Action {
	case "output":
		t.output.WriteString(e.Output)
	case "pass", "fail", "skip":
		t.outcome = e.Action
		t.elapsed = e.Elapsed
	}
}

// finish counts a package that is done, and prints its line and its failures.
func (s *summary) finish(e event, p *pkg) {
	var passed, failed, skipped int
	for _, name := range p.order {
		t := p.tests[name]
		if whole, _, _ := strings.Cut(name, "/"); strings.Contains(t.output.String(), ": "+brief.Note+"\n") && !slices.Contains(s.left[e.Package], whole) {
			s.left[e.Package] = append(s.left[e.Package], whole)
		}
		if t.elapsed >= 1 && !strings.Contains(name, "/") {
			s.slow = append(s.slow, slow{e.Package + "." + name, t.elapsed})
		}
		// A parent is counted by its subtests, except when it failed by itself.
		if t.parent && (t.outcome != "fail" || childFailed(p, name)) {
			continue
		}
		switch t.outcome {
		case "pass":
			passed++
		case "skip":
			skipped++
			s.skip(e.Package+"."+name, reason(t.output.String()))
		case "fail", "": // without an outcome: the process died under it
			if e.Action == "pass" {
				continue
			}
			failed++
			s.fails = append(s.fails, e.Package+"."+name)
		}
	}
	if e.Action == "fail" && failed == 0 {
		// Not a test but the package failed: it did not build, or TestMain did.
		failed++
		s.fails = append(s.fails, e.Package)
	}
	s.passed += passed
	s.failed += failed
	s.skipped += skipped

	switch {
	case e.Action == "fail":
		fmt.Fprintf(s.out, "FAIL  %-50s %7.2fs  %d passed, %d failed, %d skipped\n", e.Package, e.Elapsed, passed, failed, skipped)
		s.printFailure(e, p)
	case e.Action == "skip" && passed+skipped == 0: // no test files
	case skipped > 0:
		fmt.Fprintf(s.out, "ok    %-50s %7.2fs  %d passed, %d skipped\n", e.Package, e.Elapsed, passed, skipped)
	default:
		fmt.Fprintf(s.out, "ok    %-50s %7.2fs  %d passed\n", e.Package, e.Elapsed, passed)
	}
}

func (s *summary) printFailure(e event, p *pkg) {
	if b := s.builds[e.FailedBuild]; b != nil {
		indent(s.out, b.String())
	}
	for _, name := range p.order {
		if t := p.tests[name]; t.outcome == "fail" || t.outcome == "" {
			indent(s.out, t.output.String())
		}
	}
	indent(s.out, p.output.String())
}

func childFailed(p *pkg, name string) bool {
	return slices.ContainsFunc(p.order, func(other string) bool {
		return strings.HasPrefix(other, name+"/") && p.tests[other].outcome != "pass" && p.tests[other].outcome != "skip"
	})
}

func (s *summary) skip(name, why string) {
	if _, seen := s.skips[why]; !seen {
		s.reasons = append(s.reasons, why)
	}
	s.skips[why] = append(s.skips[why], name)
}

// reason takes "the corpus is absent" out of what a skipped test printed:
//
//	=== RUN   TestCorpus
//	    corpus_test.go:17: the corpus is absent
//	--- SKIP: TestCorpus (0.00s)
func reason(output string) string {
	var lines []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		if file, rest, ok := strings.Cut(line, ": "); ok && strings.Contains(file, ".go:") {
			line = rest
		}
		if line == brief.Note {
			continue
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return "no reason given"
	}
	return strings.Join(lines, "; ")
}

// close prints the reasons of skips, the names of failures and the closing line.
func (s *summary) close() {
	// A package that never finished was cut off, by a signal for example.
	for name := range s.pkgs {
		s.failed++
		s.fails = append(s.fails, name+" (did not finish)")
	}
	if len(s.reasons) > 0 {
		fmt.Fprintln(s.out, "\nskipped:")
		for _, why := range s.reasons {
			tests := s.skips[why]
			fmt.Fprintf(s.out, "  %s\n    %s", why, tests[0])
			if len(tests) > 1 {
				fmt.Fprintf(s.out, " and %d more", len(tests)-1)
			}
			fmt.Fprintln(s.out)
		}
	}
	if len(s.slow) > 0 {
		fmt.Fprintln(s.out, "\nslowest:")
		slices.SortFunc(s.slow, func(a, b slow) int { return cmp.Compare(b.seconds, a.seconds) })
		for _, t := range s.slow[:min(listed, len(s.slow))] {
			fmt.Fprintf(s.out, "  %7.2fs  %s\n", t.seconds, t.name)
		}
	}
	if len(s.fails) > 0 {
		fmt.Fprintln(s.out, "\nfailed:")
		slices.Sort(s.fails)
		for _, name := range s.fails {
			fmt.Fprintf(s.out, "  %s\n", name)
		}
	}
	fmt.Fprintf(s.out, "\n%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
}

func indent(w io.Writer, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(w, "      %s\n", strings.TrimRight(line, "\n"))
	}
}
