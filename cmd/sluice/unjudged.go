package main

import (
	"fmt"
	"slices"
	"strings"

	"sluice/inventory"
	"sluice/maintenance"
	"sluice/normalize/purl"
)

// unjudgedShown is how many ecosystems are told of one by one.
const unjudgedShown = 10

// tellUnjudged says on standard error of which components nobody can say anything, and what would change that.
func (a *app) tellUnjudged(list []inventory.Unjudged) {
	for _, u := range list[:min(len(list), unjudgedShown)] {
		a.note("sluice: %s", unjudgedText(u))
	}
	if len(list) <= unjudgedShown {
		return
	}
	var components int64
	for _, u := range list[unjudgedShown:] {
		components += u.Components
	}
	a.note("sluice: nor %s of %d other ecosystems (`sluice unknowns --reason no-records`)", countOf(components, "component"), len(list)-unjudgedShown)
}

// unjudgedText is it in a sentence.
func unjudgedText(u inventory.Unjudged) string {
	count := countOf(u.Components, "component")
	if u.AtLeast {
		count = "more than " + count
	}
	base, release, _ := strings.Cut(u.Ecosystem, ":")
	if u.OtherReleases {
		return fmt.Sprintf("nobody can judge %s of %s: of the records of %s that are loaded none names the release %s (is it out of support?)", count, u.Ecosystem, base, release)
	}
	return fmt.Sprintf("nobody can judge %s of %s: no records of it are loaded; %s", count, u.Ecosystem, loadRecords(base))
}

// loadRecords says how records of an ecosystem get here.
func loadRecords(ecosystem string) string {
	i := slices.IndexFunc(maintenance.OSVEcosystems, func(e string) bool { return purl.Ecosystem(e) == ecosystem })
	if i < 0 {
		return "OSV publishes none: `sluice ingest file FILE --shared` imports those of somebody else"
	}
	name := maintenance.OSVEcosystems[i]
	if strings.Contains(name, " ") {
		name = `"` + name + `"`
	}
	return "`sluice feeds add osv " + name + "` and `sluice feeds refresh` load them"
}

// countOf is a number with its noun.
func countOf(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
