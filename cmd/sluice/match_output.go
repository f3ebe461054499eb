package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sluice/inventory"
	"sluice/render/sarif"
)

// printMatches writes what was found in the form of --output; from says where each was given.
func (a *app) printMatches(list []hit, unjudged []inventory.Unjudged, from bool) error {
	if a.output == "sarif" {
		return a.matchesSARIF(list, unjudged)
	}
	t := table{head: []string{"purl", "vulnerability", "score", "severity", "advisories", "range", "fixed in"}, empty: "no known vulnerability"}
	if from {
		t.head = append(t.head, "from")
	}
	for _, f := range list {
		name := f.purl
		if name == "" {
			name = strings.TrimSpace(f.name + " " + f.version)
		}
		row := []string{name, f.unmatchedText(), "", "", "", "", ""}
		if f.Unmatched == "" {
			row = []string{name, f.Vulnerability, optional(f.Score), f.Severity, strings.Join(f.Advisories, " "), f.Range, strings.Join(f.Fixed, " ")}
		}
		if from {
			row = append(row, places(f.from))
		}
		t.add(row...)
	}
	return a.printWide(&t, list, "purl", "range", "fixed in", "advisories", "from")
}

func places(list []place) string {
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = p.String()
	}
	return strings.Join(words, " ")
}

// matchesSARIF writes a result for each vulnerability, in the file and on the line where the package stands.
func (a *app) matchesSARIF(list []hit, unjudged []inventory.Unjudged) error {
	var results []sarif.Result
	for _, f := range list {
		if f.Unmatched != "" {
			continue
		}
		from := f.from
		if len(from) == 0 {
			from = []place{{File: f.purl}}
		}
		for _, p := range from {
			results = append(results, sarif.Result{
				ID: f.Vulnerability + " " + f.purl + " " + p.File, Vulnerability: f.Vulnerability, Aliases: f.Aliases, Severity: f.Severity, Score: optional(f.Score),
				Artifact: p.File, Line: p.Line, Package: f.purl, Fixed: f.Fixed,
			})
		}
	}
	// The worst first: what is past the limits is left out.
	rank := []string{"critical", "high", "medium", "low", "none", ""}
	slices.SortStableFunc(results, func(a, b sarif.Result) int {
		return cmp.Compare(indexOf(rank, a.Severity), indexOf(rank, b.Severity))
	})
	cut, err := sarif.Write(a.stdout, sarif.Tool{Name: "Sluice", Version: version}, results, unjudgedNotes(unjudged)...)
	if cut.Results > 0 {
		fmt.Fprintf(a.stderr, "sluice: %d results are left out, the least severe: %s\n", cut.Results, cut.Why)
	}
	return err
}
