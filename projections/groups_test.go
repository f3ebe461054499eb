package projections

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// grouped makes groups of edges like "A=B".
func grouped(edges ...string) *groups {
	g := &groups{edges: map[string][]string{}}
	for _, e := range edges {
		a, b, found := strings.Cut(e, "=")
		if !found {
			g.edges[a] = nil
			continue
		}
		g.join(a, b)
	}
	g.finish()
	return g
}

// TestGroups: which ids are one vulnerability, and what a verdict on each of them is about.
func TestGroups(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edges string
		want  string // id: names, or id! where a verdict on it is about none
	}{
		"alone":                      {"GHSA-1", "GHSA-1:GHSA-1"},
		"two names":                  {"GHSA-1=CVE-1", "CVE-1:CVE-1 GHSA-1:CVE-1"},
		"three in a row":             {"PYSEC-1=GHSA-1 GHSA-1=CVE-1", "CVE-1:CVE-1 GHSA-1:CVE-1 PYSEC-1:CVE-1"},
		"no CVE":                     {"PYSEC-1=GHSA-1 PYSEC-1=X-1", "GHSA-1:GHSA-1 PYSEC-1:GHSA-1 X-1:GHSA-1"},
		"an advisory of two":         {"RUSTSEC-1=CVE-1 RUSTSEC-1=CVE-2", "CVE-1:CVE-1 CVE-2:CVE-2 RUSTSEC-1:CVE-1,CVE-2"},
		"and each has another name":  {"GO-1=CVE-1 GO-1=CVE-2 GO-1=GHSA-1 GO-1=GHSA-2 GHSA-1=CVE-1 GHSA-2=CVE-2", "CVE-1:CVE-1 CVE-2:CVE-2 GHSA-1:CVE-1 GHSA-2:CVE-2 GO-1:CVE-1,CVE-2"},
		"which only one of them has": {"GO-1=CVE-1 GO-1=CVE-2 GO-1=GHSA-1 GHSA-1=CVE-1 PYSEC-1=GHSA-1", "CVE-1:CVE-1 CVE-2:CVE-2 GHSA-1:CVE-1 GO-1:CVE-1,CVE-2 PYSEC-1:CVE-1"},
		"or nobody says whose":       {"GO-1=CVE-1 GO-1=CVE-2 GO-1=GHSA-1", "CVE-1:CVE-1 CVE-2:CVE-2 GHSA-1!CVE-1,CVE-2 GO-1:CVE-1,CVE-2"},
		"one CVE is called another":  {"CVE-1=CVE-2", "CVE-1:CVE-1 CVE-2:CVE-2"},
		"two advisories that overlap": {
			"GHSA-1=CVE-1 GHSA-2=CVE-1 GHSA-2=CVE-2", "CVE-1:CVE-1 CVE-2:CVE-2 GHSA-1:CVE-1 GHSA-2:CVE-1,CVE-2",
		},
		"three CVEs in a row": {
			"A-1=CVE-1 A-1=CVE-2 B-1=CVE-2 B-1=CVE-3", "A-1:CVE-1,CVE-2 B-1:CVE-2,CVE-3 CVE-1:CVE-1 CVE-2:CVE-2 CVE-3:CVE-3",
		},
	} {
		edges := strings.Fields(c.edges)
		for range 20 {
			g := grouped(edges...)
			var got []string
			for _, v := range g.ids() {
				colon := ":"
				if len(g.about(v)) == 0 {
					colon = "!"
				} else if !slices.Equal(g.about(v), g.names(v)) {
					t.Errorf("%s: a verdict on %s is about %v, and it is %v", name, v, g.about(v), g.names(v))
				}
				got = append(got, v+colon+strings.Join(g.names(v), ","))
				for _, group := range g.names(v) {
					if members := g.members(group); members[0] != group || !slices.Contains(members, v) {
						t.Errorf("%s: %s is of %s, whose members are %v", name, v, group, members)
					}
				}
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("%s: %s, want %s", name, text, c.want)
			}
			rand.Shuffle(len(edges), func(i, j int) { edges[i], edges[j] = edges[j], edges[i] })
		}
	}
	g := grouped("GHSA-1=CVE-1")
	if got := g.names("CVE-9"); !slices.Equal(got, []string{"CVE-9"}) || !slices.Equal(g.members("CVE-9"), got) {
		t.Errorf("an id that was not asked for: %v", got)
	}
}
