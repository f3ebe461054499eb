package vex

import (
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"
)

// day is a day of January 2026; 0 is a time that nobody knows.
func day(n int) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)
}

// What statements of the cases are about, from the least to the most specific.
const (
	pkg     = "pkg:npm/left"
	pkgAt   = "pkg:npm/left@1.5.0"
	product = "pkg:oci/app@2.1"
)

// untrusted is the number of a document whose issuer is not trusted.
const untrusted = 99

// say is a statement of a document: its entry, what it says, about what and when.
type say struct {
	document, entry int
	status          string
	product, sub    string
	time            int // day; 0: its document's
}

// rule is an example of a row of the table: what is said of the package in the product.
type rule struct {
	name      string
	documents []Document // by number from 1; those that are not given are on their own and of day 1
	says      []say
	decisions []Decision
	want      string         // the status in force
	wins      int            // index of the statement in force; -1: none
	why       map[int]Reason // why others do not
}

// The artifact of the place, and another one.
var here, there = ID{1}, ID{7}

var rules = map[string][]rule{
	"trust": {
		{
			name: "who is not trusted decides nothing", want: "", wins: -1, why: map[int]Reason{0: LostTrust},
			says: []say{{untrusted, 0, "not_affected", product, pkgAt, 9}},
		},
		{
			name: "nor does it stand in the way of others", want: "affected", wins: 1, why: map[int]Reason{0: LostTrust},
			says: []say{{untrusted, 0, "not_affected", product, pkgAt, 9}, {1, 0, "affected", pkg, "", 1}},
		},
	},
	"decision": {
		{
			name: "a decision beats what is most specific and newest", want: "affected", wins: -1, why: map[int]Reason{0: LostDecision},
			says: []say{{1, 0, "not_affected", product, pkgAt, 9}}, decisions: []Decision{{VulnID: "CVE-1", Status: "affected", At: day(1)}},
		},
		{
			name: "the newer of two, by whatever id", want: "fixed", wins: -1,
			decisions: []Decision{{VulnID: "CVE-1", Status: "affected", At: day(1)}, {VulnID: "GHSA-1", Status: "fixed", At: day(2)}},
		},
		{
			name: "that about the artifact before a newer one that holds everywhere", want: "affected", wins: -1,
			decisions: []Decision{{VulnID: "CVE-1", Status: "affected", At: day(1), Artifact: &here}, {VulnID: "CVE-1", Status: "fixed", At: day(2)}},
		},
		{
			name: "that about another artifact says nothing here", want: "fixed", wins: -1,
			decisions: []Decision{{VulnID: "CVE-1", Status: "affected", At: day(9), Artifact: &there}, {VulnID: "CVE-1", Status: "fixed", At: day(2)}},
		},
		{
			name: "of one time the lesser id", want: "affected", wins: -1,
			decisions: []Decision{{VulnID: "GHSA-1", Status: "fixed", At: day(1)}, {VulnID: "CVE-1", Status: "affected", At: day(1)}},
		},
	},
	"expiry": {
		{
			name: "after its date a statement decides again", want: "not_affected", wins: 0,
			says: []say{{1, 0, "not_affected", product, pkgAt, 1}}, decisions: []Decision{{VulnID: "CVE-1", Status: "affected", At: day(2), Expired: true}},
		},
		{
			name: "what it replaced does not come back", want: "", wins: -1,
			decisions: []Decision{{VulnID: "CVE-1", Status: "fixed", At: day(1)}, {VulnID: "GHSA-1", Status: "affected", At: day(2), Expired: true}},
		},
		{
			name: "one that was made later is not touched", want: "fixed", wins: -1,
			decisions: []Decision{{VulnID: "CVE-1", Status: "fixed", At: day(3)}, {VulnID: "GHSA-1", Status: "affected", At: day(2), Expired: true}},
		},
		{
			name: "that about the artifact leaves the word to that which holds everywhere", want: "fixed", wins: -1,
			decisions: []Decision{{VulnID: "CVE-1", Status: "fixed", At: day(1)}, {VulnID: "CVE-1", Status: "affected", At: day(2), Expired: true, Artifact: &here}},
		},
	},
	"unreadable": {
		{name: "a subcomponent that is no purl", want: "", wins: -1, says: []say{{1, 0, "not_affected", product, "pkg:golang/@%28devel%29", 1}}},
		{name: "a product that is no purl", want: "", wins: -1, says: []say{{1, 0, "not_affected", "unreadable", "", 1}}},
		{name: "it leaves the others alone", want: "affected", wins: 1, says: []say{{1, 0, "not_affected", "unreadable", "", 9}, {2, 0, "affected", pkg, "", 1}}},
	},
	"version": {
		{
			name: "what the newer version does not say any more", want: "", wins: -1, why: map[int]Reason{0: EndedVersion},
			documents: []Document{{Series: "a", Rank: "1", Time: day(1)}, {Series: "a", Rank: "2", Time: day(2)}},
			says:      []say{{1, 0, "not_affected", product, "", 0}},
		},
		{
			name: "the version counts, not the time", want: "affected", wins: 1, why: map[int]Reason{0: EndedVersion},
			documents: []Document{{Series: "a", Rank: "1", Time: day(9)}, {Series: "a", Rank: "2", Time: day(2)}},
			says:      []say{{1, 0, "not_affected", product, pkgAt, 9}, {2, 0, "affected", pkg, "", 0}},
		},
		{
			name: "a third version says it again", want: "not_affected", wins: 1, why: map[int]Reason{0: EndedVersion},
			documents: []Document{{Series: "a", Rank: "1"}, {Series: "a", Rank: "2"}, {Series: "a", Rank: "3"}},
			says:      []say{{1, 0, "not_affected", product, "", 1}, {3, 0, "not_affected", product, "", 1}},
		},
		{
			name: "another series is another document", want: "not_affected", wins: 0,
			documents: []Document{{Series: "a", Rank: "1"}, {Series: "b", Rank: "2"}},
			says:      []say{{1, 0, "not_affected", product, "", 1}},
		},
	},
	"version-tie": {
		{
			name: "of equal versions the newer one", want: "affected", wins: 1, why: map[int]Reason{0: EndedVersion},
			documents: []Document{{Series: "a", Rank: "1", Time: day(1)}, {Series: "a", Rank: "1", Time: day(2)}},
			says:      []say{{1, 0, "not_affected", product, pkgAt, 0}, {2, 0, "affected", pkg, "", 0}},
		},
		{
			name: "of equal times the greater hash", want: "affected", wins: 1, why: map[int]Reason{0: EndedVersion},
			documents: []Document{{Series: "a", Rank: "1", Time: day(1)}, {Series: "a", Rank: "1", Time: day(1)}},
			says:      []say{{1, 0, "not_affected", product, pkgAt, 0}, {2, 0, "affected", pkg, "", 0}},
		},
		{
			name: "a version that cannot be read is the oldest", want: "affected", wins: 1, why: map[int]Reason{0: EndedVersion},
			documents: []Document{{Series: "a", Rank: "", Time: day(9)}, {Series: "a", Rank: "1", Time: day(1)}},
			says:      []say{{1, 0, "not_affected", product, pkgAt, 0}, {2, 0, "affected", pkg, "", 0}},
		},
	},
	"draft": {
		{
			name: "a draft does not replace what is published", want: "not_affected", wins: 0, why: map[int]Reason{1: EndedVersion},
			documents: []Document{{Series: "a", Rank: Rank("1", "final")}, {Series: "a", Rank: Rank("2", "draft")}},
			says:      []say{{1, 0, "not_affected", product, "", 1}, {2, 0, "affected", product, "", 2}},
		},
		{
			name: "interim is published", want: "affected", wins: 1, why: map[int]Reason{0: EndedVersion},
			documents: []Document{{Series: "a", Rank: Rank("1", "final")}, {Series: "a", Rank: Rank("2", "interim")}},
			says:      []say{{1, 0, "not_affected", product, "", 2}, {2, 0, "affected", product, "", 1}},
		},
		{
			name: "while there is nothing else a draft counts, the newest", want: "affected", wins: 1, why: map[int]Reason{0: EndedVersion},
			documents: []Document{{Series: "a", Rank: Rank("1", "draft")}, {Series: "a", Rank: Rank("2", "draft")}},
			says:      []say{{1, 0, "not_affected", product, "", 2}, {2, 0, "affected", product, "", 1}},
		},
	},
	"alone": {
		{
			name: "two documents without a series both speak", want: "affected", wins: 1, why: map[int]Reason{0: LostTime},
			documents: []Document{{Rank: "1", Time: day(1)}, {Rank: "2", Time: day(2)}},
			says:      []say{{1, 0, "not_affected", product, "", 0}, {2, 0, "affected", product, "", 0}},
		},
	},
	"sbom": {
		{
			name: "the SBOM is current", want: "not_affected", wins: 0,
			documents: []Document{{SBOM: true, Current: true, Said: day(1)}}, says: []say{{1, 0, "not_affected", product, pkgAt, 0}},
		},
		{
			name: "another SBOM is current", want: "", wins: -1, why: map[int]Reason{0: EndedSBOM},
			documents: []Document{{SBOM: true, Time: day(9)}}, says: []say{{1, 0, "not_affected", product, pkgAt, 9}},
		},
	},
	"twin": {
		{
			name: "an SBOM that was said again is as new as that", want: "not_affected", wins: 0, why: map[int]Reason{1: LostTime},
			documents: []Document{{SBOM: true, Current: true, Time: day(3), Said: day(5)}, {Time: day(4)}},
			says:      []say{{1, 0, "not_affected", product, pkgAt, 0}, {2, 0, "affected", product, pkgAt, 0}},
		},
		{
			name: "a statement with a time of its own is not", want: "affected", wins: 1, why: map[int]Reason{0: LostTime},
			documents: []Document{{SBOM: true, Current: true, Time: day(3), Said: day(5)}, {Time: day(4)}},
			says:      []say{{1, 0, "not_affected", product, pkgAt, 3}, {2, 0, "affected", product, pkgAt, 0}},
		},
	},
	"scope": {
		{
			name: "each step beats the one before, though older", want: "not_affected", wins: 5,
			why: map[int]Reason{0: LostScope, 1: LostScope, 2: LostScope, 3: LostScope, 4: LostScope},
			says: []say{
				{1, 0, "affected", pkg, "", 9},
				{2, 0, "affected", pkgAt, "", 8},
				{3, 0, "affected", "pkg:oci/app", "", 7},
				{4, 0, "affected", product, "", 6},
				{5, 0, "affected", product, pkg, 5},
				{6, 0, "not_affected", product, pkgAt, 4},
			},
		},
		{name: "what is about something else does not count", want: "", wins: -1, says: []say{{1, 0, "affected", "pkg:npm/right", "", 1}, {2, 0, "affected", "pkg:oci/app@2.0", "", 1}}},
	},
	"time": {
		{name: "the newer one", want: "not_affected", wins: 1, why: map[int]Reason{0: LostTime}, says: []say{{1, 0, "affected", pkg, "", 1}, {2, 0, "not_affected", pkg, "", 2}}},
		{
			name: "its own time, else its document's", want: "not_affected", wins: 1, why: map[int]Reason{0: LostTime},
			documents: []Document{{Time: day(2)}, {Time: day(1)}},
			says:      []say{{1, 0, "affected", pkg, "", 0}, {2, 0, "not_affected", pkg, "", 3}},
		},
		{
			name: "no time is the oldest", want: "under_investigation", wins: 1, why: map[int]Reason{0: LostTime},
			documents: []Document{{Time: day(0)}, {Time: day(1)}},
			says:      []say{{1, 0, "affected", pkg, "", 0}, {2, 0, "under_investigation", pkg, "", 0}},
		},
		{
			name: "the third of one document", want: "affected", wins: 2, why: map[int]Reason{0: LostTime, 1: LostTime},
			says: []say{{1, 0, "affected", product, "", 1}, {1, 1, "not_affected", product, "", 2}, {1, 2, "affected", product, "", 3}},
		},
		{
			name: "their times count, not their order", want: "not_affected", wins: 0, why: map[int]Reason{1: LostTime},
			says: []say{{1, 0, "not_affected", product, "", 2}, {1, 1, "affected", product, "", 1}},
		},
	},
	"order": {
		{
			name: "the later of one document, though less cautious", want: "not_affected", wins: 1, why: map[int]Reason{0: LostOrder},
			says: []say{{1, 0, "affected", product, "", 1}, {1, 1, "not_affected", product, "", 1}},
		},
		{
			name: "one that repeats the first", want: "affected", wins: 2, why: map[int]Reason{0: LostOrder, 1: LostOrder},
			says: []say{{1, 0, "affected", product, "", 1}, {1, 1, "not_affected", product, "", 1}, {1, 2, "affected", product, "", 1}},
		},
		{
			name: "then what is left of each document is compared", want: "under_investigation", wins: 2, why: map[int]Reason{0: LostOrder, 1: LostCaution},
			says: []say{{1, 0, "affected", product, "", 1}, {1, 1, "not_affected", product, "", 1}, {2, 0, "under_investigation", product, "", 1}},
		},
	},
	"entry": {
		{
			name: "of one entry the more cautious", want: "affected", wins: 0, why: map[int]Reason{1: LostCaution},
			says: []say{{1, 4, "affected", product, "", 1}, {1, 4, "not_affected", product, "", 1}},
		},
	},
	"caution": {
		{
			name: "affected", want: "affected", wins: 3, why: map[int]Reason{0: LostCaution, 1: LostCaution, 2: LostCaution},
			says: []say{{1, 0, "not_affected", pkg, "", 1}, {2, 0, "fixed", pkg, "", 1}, {3, 0, "under_investigation", pkg, "", 1}, {4, 0, "affected", pkg, "", 1}},
		},
		{
			name: "under_investigation", want: "under_investigation", wins: 1,
			says: []say{{1, 0, "not_affected", pkg, "", 1}, {2, 0, "under_investigation", pkg, "", 1}, {3, 0, "fixed", pkg, "", 1}},
		},
		{name: "fixed", want: "fixed", wins: 0, says: []say{{1, 0, "fixed", pkg, "", 1}, {2, 0, "not_affected", pkg, "", 1}}},
	},
	"hash": {
		{
			name: "the greater content hash", want: "not_affected", wins: 1, why: map[int]Reason{0: LostHash},
			says: []say{{1, 0, "not_affected", pkg, "", 1}, {2, 0, "not_affected", pkg, "", 1}},
		},
	},
}

// TestRules holds the package to docs/vex.md: every row of the table of rules has examples
// here, and every example a row. Each is tried in any order of its input.
func TestRules(t *testing.T) {
	text, err := os.ReadFile("../../docs/vex.md")
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)\n## The rules\n(.*?)\n## `).FindSubmatch(text)
	if section == nil {
		t.Fatal(`docs/vex.md has no section "The rules"`)
	}
	var table []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllSubmatch(section[1], -1) {
		table = append(table, string(row[1]))
	}
	for _, name := range table {
		if len(rules[name]) == 0 {
			t.Errorf("docs/vex.md has a rule %q, and there is no example of it here", name)
		}
	}
	for name, list := range rules {
		if !slices.Contains(table, name) {
			t.Errorf("there are examples of a rule %q, which docs/vex.md does not have", name)
		}
		for _, r := range list {
			t.Run(name+"/"+r.name, func(t *testing.T) {
				for seed := range uint64(6) {
					r.try(t, rand.New(rand.NewPCG(seed, 1)))
				}
			})
		}
	}
}

func (r rule) try(t *testing.T, random *rand.Rand) {
	t.Helper()
	documents := map[int]*Document{}
	get := func(n int) *Document {
		if documents[n] == nil {
			d := Document{Time: day(1)}
			if n <= len(r.documents) {
				d = r.documents[n-1]
			}
			d.ID, d.Hash = ID{0xd0, byte(n)}, []byte{byte(n)}
			documents[n] = &d
		}
		return documents[n]
	}
	for i := range r.documents {
		get(i + 1)
	}
	for _, s := range r.says {
		get(s.document)
	}
	var all []*Document
	for _, d := range documents {
		all = append(all, d)
	}
	standings := Settle(all)
	var statements []*Statement
	why := map[ID]Reason{}
	for i, s := range r.says {
		d := get(s.document)
		c := about(s.product, s.sub, "")
		c.ID, c.Document, c.Entry, c.Status, c.Time, c.Tie = ID{1, byte(i)}, d.ID, s.entry, s.status, day(s.time), d.Hash
		c.Unreadable = s.product != "" && c.Product == nil || s.sub != "" && c.Sub == nil
		c.Untrusted = s.document == untrusted
		if s.time == 0 {
			c.Time = standings[d.ID].At
		}
		if ended := standings[d.ID].Ended; ended != "" {
			why[c.ID] = ended
			continue
		}
		statements = append(statements, c)
	}
	var decisions []*Decision
	for i := range r.decisions {
		decisions = append(decisions, &r.decisions[i])
	}
	random.Shuffle(len(statements), func(i, j int) { statements[i], statements[j] = statements[j], statements[i] })
	random.Shuffle(len(decisions), func(i, j int) { decisions[i], decisions[j] = decisions[j], decisions[i] })

	v := Resolve(place(t, product, pkgAt), statements, decisions)
	if v.Status() != r.want {
		t.Errorf("%q is in force, want %q", v.Status(), r.want)
	}
	wins := -1
	if v.Statement != nil {
		wins = int(v.Statement.ID[1])
	}
	if wins != r.wins {
		t.Errorf("statement %d is in force, want %d", wins, r.wins)
	}
	for _, l := range v.Lost {
		why[l.Statement.ID] = l.Why
	}
	for i, want := range r.why {
		if got := why[ID{1, byte(i)}]; got != want {
			t.Errorf("statement %d is not in force because of %q, want %q", i, got, want)
		}
	}
	if want := v.Status() == "not_affected" || v.Status() == "fixed"; Suppresses(v.Status()) != want {
		t.Errorf("%q suppresses: %v", v.Status(), !want)
	}
}

func TestEntry(t *testing.T) {
	for pointer, want := range map[string]int{"/statements/3": 3, "/vulnerabilities/12/product_status/fixed": 12, "": -1, "/vulnerabilities": -1, "/x/y": -1} {
		if got := Entry(pointer); got != want {
			t.Errorf("%q: %d, want %d", pointer, got, want)
		}
	}
}
