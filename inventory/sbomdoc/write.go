// Package sbomdoc writes an SBOM in another format than the one that it came in: CycloneDX 1.6 and
// 1.7, SPDX 2.3. It works from what any format says ([normalize.Details]), with the models of the
// formats' own Go libraries, and says what it could not carry. It is pure: no database.
//
// The promise is about what is matched: reading what was written gives the same packages.
package sbomdoc

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/normalize"
)

// Targets are the words for what can be written.
var Targets = []string{"cyclonedx-1.7", "cyclonedx-1.6", "spdx-2.3"}

// Loss is something that the target cannot hold, or that is not carried.
type Loss struct {
	What    string `json:"what"`              // the member, as the source calls it
	Count   int    `json:"count"`             // how often
	Example string `json:"example,omitempty"` // the pointer of the first component with it
}

// Write returns the document in the format of target, and what is lost. The same details give
// the same bytes.
func Write(d *normalize.Details, target string) ([]byte, []Loss, error) {
	w := &writer{source: d, lost: map[string]*Loss{}}
	w.gather()
	for name, n := range d.Other {
		w.lose(name, n, "")
	}
	var out []byte
	var err error
	switch target {
	case "cyclonedx-1.7", "cyclonedx-1.6":
		out, err = w.cycloneDX(strings.TrimPrefix(target, "cyclonedx-"))
	case "spdx-2.3":
		out, err = w.spdx()
	default:
		return nil, nil, fmt.Errorf("%q is not a format that is written: %s", target, strings.Join(Targets, ", "))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("write %s: %w", target, err)
	}
	losses := []Loss{}
	for _, what := range slices.Sorted(maps.Keys(w.lost)) {
		losses = append(losses, *w.lost[what])
	}
	return out, losses, nil
}

// writer is what both targets share.
type writer struct {
	source *normalize.Details
	items  []item // the main one first, if there is one
	main   bool
	lost   map[string]*Loss
}

// item is one component: what is matched, and the rest.
type item struct {
	normalize.Component
	purls   []string // all of them
	details normalize.ComponentDetails
}

func (w *writer) lose(what string, n int, pointer string) {
	l := w.lost[what]
	if l == nil {
		l = &Loss{What: what, Example: pointer}
		w.lost[what] = l
	}
	l.Count += n
}

// gather joins components with their details. Entries with several purls are one item.
func (w *writer) gather() {
	details := make(map[string]normalize.ComponentDetails, len(w.source.Components))
	for _, c := range w.source.Components {
		details[c.Pointer] = c
	}
	w.main = len(w.source.Document.Main) > 0
	for _, list := range [][]normalize.Component{w.source.Document.Main, w.source.Document.Components} {
		for i, c := range list {
			if i > 0 && c.Pointer != "" && c.Pointer == list[i-1].Pointer {
				last := &w.items[len(w.items)-1]
				last.purls = append(last.purls, c.Purl)
				continue
			}
			it := item{Component: c, details: details[c.Pointer]}
			if c.Purl != "" {
				it.purls = []string{c.Purl}
			}
			for _, other := range it.details.Other {
				w.lose(other, 1, c.Pointer)
			}
			w.items = append(w.items, it)
		}
	}
}

// name is that of what the document describes; SPDX wants one.
func (w *writer) name() string {
	s := w.source.Document.Subject
	if s.Name != "" {
		return s.Name
	}
	return "sbom"
}
