package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
)

// corpusRow is what happened with the real documents of one format and validity.
type corpusRow struct {
	documents, accepted, warned int
	parked                      map[string]int
}

// TestCorporaTable reads every real document by itself and writes docs/corpora.md, where
// SLUICE_CORPORA_TABLE is set: TestCorpus imports the same ones in every run. What its source calls
// valid is accepted, in every format that is read; no file takes 10 s or allocates 512 MiB.
func TestCorporaTable(t *testing.T) {
	if os.Getenv("SLUICE_CORPORA_TABLE") == "" {
		t.Skip("reads all real documents; SLUICE_CORPORA_TABLE=1 runs it and writes docs/corpora.md")
	}
	rows := map[string]*corpusRow{}
	var slowest time.Duration
	var largest uint64
	var slow, large string
	var invalid []string
	total := 0
	for _, e := range testdocs.Manifest(t) {
		src := e.Read(t)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		doc, err := importDocument(src)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		allocated := after.TotalAlloc - before.TotalAlloc
		if took > slowest {
			slowest, slow = took, e.Path
		}
		if allocated > largest {
			largest, large = allocated, e.Path
		}
		if took > 10*time.Second || allocated > 512<<20 {
			t.Errorf("%s takes %v and allocates %d MiB", e.Path, took, allocated>>20)
		}
		total++
		key := e.Format + " | " + e.Validity
		r := rows[key]
		if r == nil {
			r = &corpusRow{parked: map[string]int{}}
			rows[key] = r
		}
		r.documents++
		var park *normalize.ParkError
		switch {
		case err == nil:
			r.accepted++
			if len(doc.Warnings) > 0 {
				r.warned++
			}
		case errors.As(err, &park):
			r.parked[park.Reason]++
			if e.Validity == "valid" && park.Reason != normalize.ReasonUnknownFormat {
				t.Errorf("%s is valid %s %s, and parked: %v", e.Path, e.Format, e.Version, err)
			}
			if e.Validity == "valid" && park.Reason == normalize.ReasonUnknownFormat {
				t.Logf("%s is valid %s %s, which is not read: %.150v", e.Path, e.Format, e.Version, err)
			}
		default:
			t.Errorf("%s: %v", e.Path, err)
		}
		if e.Validity == "invalid" {
			what := "accepted, nothing odd"
			if err == nil && len(doc.Warnings) > 0 {
				codes := map[string]bool{}
				for _, w := range doc.Warnings {
					codes["`"+w.Code+"`"] = true
				}
				what = "accepted: " + strings.Join(slices.Sorted(maps.Keys(codes)), ", ")
			} else if err == nil && testdocs.InOrder[e.Path] != "" {
				what += ": " + testdocs.InOrder[e.Path]
			} else if park != nil {
				what = "parked: `" + park.Reason + "`"
			}
			invalid = append(invalid, fmt.Sprintf("| `%s` | %s %s | %s |", e.Path, e.Format, e.Version, what))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Real documents

What becomes of %d public documents, each read as an import reads it. Written by `+"`SLUICE_CORPORA_TABLE=1 go test ./cmd/sluice -run TestCorporaTable`"+`, which fails where a
document that its source calls valid is not accepted, or one takes 10 s or allocates 512 MiB. The documents are no part of the project: `+"`SLUICE_CORPORA`"+` names their folder.

The slowest took less than %d s, the largest allocated %d MiB in all (%s).

| format, as the source says | validity, as the source says | documents | accepted | with warnings | parked |
|---|---|---|---|---|---|
`, total, int(slowest.Seconds())+1, largest>>20, large)
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		r := rows[key]
		var parked []string
		for _, reason := range slices.Sorted(maps.Keys(r.parked)) {
			parked = append(parked, fmt.Sprintf("%d `%s`", r.parked[reason], reason))
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %s |\n", key, r.documents, r.accepted, r.warned, strings.Join(parked, ", "))
	}
	b.WriteString("\n## Those called invalid\n\n| document | format | becomes |\n|---|---|---|\n")
	slices.Sort(invalid)
	b.WriteString(strings.Join(invalid, "\n") + "\n")
	t.Logf("slowest %v: %s", slowest, slow)
	if err := os.WriteFile("../../docs/corpora.md", []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// importDocument reads a document as an import does.
func importDocument(src []byte) (*normalize.Document, error) {
	head, err := detect.Scan(src, normalize.Limits{})
	if err != nil {
		return nil, err
	}
	f, err := detect.Detect(head, formats())
	if err != nil {
		return nil, err
	}
	doc, err := f.Normalize(normalize.Input{Bytes: src, Head: head})
	if err != nil {
		return nil, err
	}
	for _, w := range head.Warnings {
		doc.Warn(w.Code, w.Pointer, "%s", w.Message)
	}
	return doc, nil
}
