package inventory_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/internal/id"
	"sluice/inventory"
	"sluice/inventory/vexdoc"
)

// TestExport: the same verdicts are the same document, byte for byte; a changed one is the next version of it, and what
// is not in force any more is said no more. Each version is on record.
func TestExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.load(id.Shared, fact)
	w.load(w.acme, sbom)
	w.project()
	c := inventory.ExportConfig{Format: "openvex", Author: "Acme"}
	export := func() []inventory.Exported {
		t.Helper()
		w.project()
		return must(w.inv.Export(ctx, w.acme, c))(t)
	}
	if list := export(); len(list) != 0 {
		t.Errorf("nothing is said, and exported: %s", list[0].Text)
	}
	d := inventory.Decision{Package: "pkg:npm/left@1.0.0", Vuln: "CVE-2026-1", Status: "not_affected", Justification: "code_not_reachable"}
	must(w.inv.DecideAll(ctx, w.acme, []inventory.Decision{d}, false))(t)
	for _, c.Format = range vexdoc.Formats {
		first, again := export()[0], export()[0]
		if !first.New || again.New || first.Version != 1 || !bytes.Equal(first.Text, again.Text) {
			t.Errorf("%s: version %d, then %d, new: %v:\n%s\n%s", c.Format, first.Version, again.Version, again.New, first.Text, again.Text)
		}
	}
	d.Status, d.Justification, d.Action = "affected", "", "update"
	must(w.inv.DecideAll(ctx, w.acme, []inventory.Decision{d}, false))(t)
	ids := map[string]bool{}
	others := map[string]id.ID{} // who take our documents, one for each format
	for _, c.Format = range vexdoc.Formats {
		second := export()[0]
		others[c.Format] = w.db.Tenant(t, c.Format)
		w.load(others[c.Format], sbom, string(second.Text))
		if !second.New || second.Version != 2 || !bytes.Contains(second.Text, []byte("update")) || ids[second.ID] {
			t.Errorf("%s: version %d of %s\n%s", c.Format, second.Version, second.ID, second.Text)
		}
		ids[second.ID] = true
	}
	must(w.inv.WithdrawAll(ctx, w.acme, inventory.Withdrawal{Vuln: "CVE-2026-1"}, false))(t)
	status := func(tenant id.ID) string {
		w.project()
		list := must(w.inv.Findings(ctx, tenant, inventory.FindingFilter{}))(t)
		if len(list) != 1 || list[0].VEX == nil {
			return fmt.Sprintf("%d findings, nobody says anything", len(list))
		}
		return list[0].VEX.Status
	}
	for _, c.Format = range vexdoc.Formats {
		other := others[c.Format]
		if got := status(other); got != "affected" {
			t.Errorf("%s: they are told %s", c.Format, got)
		}
		third := export()[0]
		if third.Version != 3 || third.Verdicts != 0 {
			t.Errorf("%s: what is said no more: %+v", c.Format, third)
		}
		w.load(other, string(third.Text))
		if got := status(other); got != "1 findings, nobody says anything" {
			t.Errorf("%s: the last version takes everything back, and they are told %s", c.Format, got)
		}
	}
	c.Artifact = "pkg:oci/ap@1"
	if _, err := w.inv.Export(ctx, w.acme, c); err == nil || !strings.Contains(err.Error(), "near: pkg:oci/app@1") {
		t.Error(err)
	}
	var noted int
	if err := w.db.Admin(t).QueryRow(ctx, `select count(*) from authority.audit_log where tenant_id = $1 and action = 'vex.export'`, w.acme).Scan(&noted); err != nil || noted != 3*len(vexdoc.Formats) {
		t.Errorf("%d exports are on record, %v", noted, err)
	}
}

// roundTrips is how many random sets of verdicts are exported and imported: SLUICE_ROUNDTRIPS, else a few.
func roundTrips(t *testing.T) int {
	text := os.Getenv("SLUICE_ROUNDTRIPS")
	if text == "" {
		return 5
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("SLUICE_ROUNDTRIPS=%q: it is a number", text)
	}
	return n
}

// setsTogether is how many sets one tenant has: each has artifacts and packages of its own.
const setsTogether = 50

// TestRoundTrip: whatever was decided and stated, what is exported in any format gives the same statuses in another
// tenant with the same SBOMs.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.load(id.Shared, roundFacts()...)
	w.project()
	written := map[string]int{}
	left := roundTrips(t)
	for seed := 0; left > 0; seed++ {
		sets := min(left, setsTogether)
		left -= sets
		random := rand.New(rand.NewPCG(uint64(seed), 13))
		w.acme = w.db.Tenant(t, fmt.Sprintf("a%d", seed))
		w.lines(w.acme, roundSBOMs(sets))
		w.lines(w.acme, roundStatements(random, sets))
		w.project()
		w.decideAtRandom(t, random, sets)
		w.project()
		want := w.statuses(t, w.acme)
		for n, format := range vexdoc.Formats {
			other := w.db.Tenant(t, fmt.Sprintf("b%d-%d", seed, n))
			w.lines(other, roundSBOMs(sets))
			var documents []string
			for _, e := range must(w.inv.Export(t.Context(), w.acme, inventory.ExportConfig{Format: format, Author: "Acme"}))(t) {
				for _, l := range e.Losses {
					if l.What == "product" {
						t.Fatalf("seed %d: the set is ambiguous, mend the test: %+v", seed, l)
					}
				}
				written[format] += e.Verdicts
				documents = append(documents, string(e.Text))
			}
			w.lines(other, documents)
			w.project()
			got := w.statuses(t, other)
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || got[i] != want[i] {
					t.Fatalf("seed %d, %s: %d statuses instead of %d; the first that differs: %q, want %q", seed, format, len(got), len(want), at(got, i), at(want, i))
				}
			}
		}
	}
	for _, format := range vexdoc.Formats {
		if written[format] < roundTrips(t) {
			t.Errorf("%s: %d verdicts in all", format, written[format])
		}
	}
	t.Logf("verdicts by format: %v", written)
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// lines loads documents line by line, as one file.
func (w *world) lines(tenant id.ID, documents []string) {
	w.t.Helper()
	var text strings.Builder
	for _, d := range documents {
		var line bytes.Buffer
		if err := json.Compact(&line, []byte(d)); err != nil {
			w.t.Fatal(err)
		}
		text.Write(line.Bytes())
		text.WriteByte('\n')
	}
	if len(documents) > 0 {
		w.load(tenant, text.String())
	}
}

// statuses are the findings of a tenant with what is said of each.
func (w *world) statuses(t *testing.T, tenant id.ID) []string {
	t.Helper()
	list := must(w.inv.Findings(t.Context(), tenant, inventory.FindingFilter{Status: "all"}))(t)
	return each(list, func(f inventory.Finding) string {
		said := "nothing"
		if f.VEX != nil {
			said = f.VEX.Status
		}
		return f.Artifact + " " + f.Package + " " + f.Vulnerability + " " + f.Status + " " + said
	})
}

var (
	roundVulns = []string{"CVE-2026-10001", "CVE-2026-10002", "GHSA-aaaa-bbbb-cccc"}
	statuses   = []string{"not_affected", "affected", "fixed", "under_investigation"}
)

// roundArtifacts are those of a set: two versions of one product, and one with a qualifier.
func roundArtifacts(set int) []string {
	return []string{fmt.Sprintf("pkg:oci/app-%d@1", set), fmt.Sprintf("pkg:oci/app-%d@2", set), fmt.Sprintf("pkg:oci/shop-%d@1?repository_url=example.com%%2Fshop", set)}
}

func roundPackages(set int) []string {
	return []string{fmt.Sprintf("left-%d@1.0.0", set), fmt.Sprintf("right-%d@2.0.0", set), fmt.Sprintf("%%40scope/up-%d@3.0.0", set)}
}

// roundFacts are records by which every vulnerability is found in every package.
func roundFacts() (out []string) {
	for _, v := range roundVulns {
		var affected []string
		for set := range setsTogether {
			for _, p := range roundPackages(set) {
				name := strings.ReplaceAll(p[:strings.LastIndex(p, "@")], "%40", "@")
				affected = append(affected, fmt.Sprintf(`{"package": {"ecosystem": "npm", "name": %q}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}`, name))
			}
		}
		out = append(out, fmt.Sprintf(`{"id": %q, "modified": "2026-01-01T00:00:00Z", "affected": [%s]}`, v, strings.Join(affected, ",")))
	}
	return out
}

func roundSBOMs(sets int) (out []string) {
	for set := range sets {
		var components []string
		for _, p := range roundPackages(set) {
			components = append(components, fmt.Sprintf(`{"type": "library", "name": "x", "purl": "pkg:npm/%s"}`, p))
		}
		for _, a := range roundArtifacts(set) {
			out = append(out, fmt.Sprintf(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": "2026-01-01T00:00:00Z", "component": {"type": "container", "name": "app", "purl": %q}}, "components": [%s]}`,
				a, strings.Join(components, ",")))
		}
	}
	return out
}

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

// roundStatements are OpenVEX documents about products, packages and packages in products.
func roundStatements(r *rand.Rand, sets int) (out []string) {
	for set := range sets {
		for n := range 1 + r.IntN(4) {
			var list []string
			for range 1 + r.IntN(4) {
				product := fmt.Sprintf(`{"@id": %q}`, pick(r, roundArtifacts(set)))
				switch r.IntN(3) {
				case 0:
					product = fmt.Sprintf(`{"@id": "pkg:npm/%s"}`, pick(r, roundPackages(set)))
				case 1:
					product = fmt.Sprintf(`{"@id": %q, "subcomponents": [{"@id": "pkg:npm/%s"}]}`, pick(r, roundArtifacts(set)), pick(r, roundPackages(set)))
				}
				status := pick(r, statuses)
				reason := ""
				if status == "not_affected" {
					reason = `, "justification": ` + strconv.Quote(pick(r, inventory.Justifications()))
				}
				list = append(list, fmt.Sprintf(`{"vulnerability": {"name": %q}, "products": [%s], "status": %q, "timestamp": "2026-01-%02dT00:00:00Z"%s}`,
					pick(r, roundVulns), product, status, 1+r.IntN(28), reason))
			}
			out = append(out, fmt.Sprintf(`{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:round:%d:%d", "author": "issuer %d", "timestamp": "2026-01-02T00:00:00Z", "version": 1, "statements": [%s]}`,
				set, n, n, strings.Join(list, ",")))
		}
	}
	return out
}

// decideAtRandom takes decisions, some about one artifact, some with an end, and withdraws some.
func (w *world) decideAtRandom(t *testing.T, r *rand.Rand, sets int) {
	t.Helper()
	var list []inventory.Decision
	var withdrawn []inventory.Withdrawal
	for set := range sets {
		for range r.IntN(6) {
			d := inventory.Decision{Package: "pkg:npm/" + pick(r, roundPackages(set)), Vuln: pick(r, roundVulns), Status: pick(r, statuses)}
			if r.IntN(2) == 0 {
				d.Artifact = pick(r, roundArtifacts(set))
			}
			switch {
			case d.Status != "not_affected":
				d.Action = []string{"", "update"}[r.IntN(2)]
			case r.IntN(2) == 0:
				d.Justification = pick(r, inventory.Justifications())
			case r.IntN(2) == 0:
				d.Impact = "it is <never> called & \"quoted\""
			default:
				d.Rationale = "T-1"
			}
			if r.IntN(4) == 0 {
				until := time.Now().AddDate(0, 0, 1)
				d.Until = &until
			}
			list = append(list, d)
			if of := (inventory.Withdrawal{Package: d.Package, Vuln: d.Vuln, Artifact: d.Artifact}); r.IntN(5) == 0 && !slices.Contains(withdrawn, of) {
				withdrawn = append(withdrawn, of)
			}
		}
	}
	if len(list) > 0 {
		must(w.inv.DecideAll(t.Context(), w.acme, list, false))(t)
	}
	for _, of := range withdrawn {
		if err := w.inv.Withdraw(t.Context(), w.acme, of); err != nil {
			t.Fatal(err)
		}
	}
}
