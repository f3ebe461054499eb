package inventory_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/inventory"
)

// TestAnswers asks everything once of a tenant with documents, and of one without: that one
// gets empty answers, never somebody else's.
func TestAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.load(id.Shared, fact)
	run := w.load(w.acme, sbom, again)
	w.project()

	found := must(w.inv.Findings(ctx, w.acme, inventory.FindingFilter{}))(t)
	if len(found) != 1 {
		t.Fatalf("findings: %+v", found)
	}
	f := found[0]
	if f.Artifact != "pkg:oci/app@1" || f.Package != "pkg:npm/left@1.0.0" || f.Vulnerability != "CVE-2026-1" || f.Status != "open" ||
		f.Severity != "critical" || f.Score == nil || *f.Score != 98 || !slices.Equal(f.Fixed, []string{"1.0.1"}) || f.VEX != nil ||
		f.FirstSeen.IsZero() || f.FirstSeen.Location().String() != "UTC" {
		t.Errorf("%+v", f)
	}
	for name, filter := range map[string]inventory.FindingFilter{
		"by the id of the record": {Vuln: "GHSA-left"}, "by its CVE": {Vuln: "CVE-2026-1", Status: "all"},
		"by another way to write the artifact": {Artifact: "pkg:OCI/app@1", Limit: 1},
	} {
		if got := must(w.inv.Findings(ctx, w.acme, filter))(t); len(got) != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, filter := range map[string]inventory.FindingFilter{
		"suppressed": {Status: "suppressed"}, "another vulnerability": {Vuln: "CVE-2026-2"},
	} {
		if got := must(w.inv.Findings(ctx, w.acme, filter))(t); got == nil || len(got) != 0 {
			t.Errorf("%s: %#v, want none", name, got)
		}
	}
	var absent *ask.NotFoundError
	if got, err := w.inv.Findings(ctx, w.acme, inventory.FindingFilter{Artifact: "pkg:oci/app@2"}); !errors.As(err, &absent) || !strings.Contains(err.Error(), "pkg:oci/app@1") {
		t.Errorf("of an artifact that no SBOM describes: %+v, %v", got, err)
	}

	docs := must(w.inv.Documents(ctx, w.acme, inventory.DocumentFilter{}))(t)
	hash := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(sbom)))
	if len(docs) != 1 || docs[0].Hash != hash || !docs[0].Current || docs[0].ScanRun != run || docs[0].Components == nil || *docs[0].Components != 3 {
		t.Fatalf("documents: %+v", docs)
	}
	for _, name := range []string{hash, strings.TrimPrefix(hash, "sha256:"), docs[0].ID} {
		key := must(inventory.ParseDocumentKey(name))(t)
		d := must(w.inv.Document(ctx, w.acme, key))(t)
		if d.Hash != hash || len(d.Repeats) != 1 || !strings.HasPrefix(d.Repeats[0], fmt.Sprintf("sha256:%x ", sha256.Sum256([]byte(again)))) {
			t.Errorf("%s: %+v", name, d)
		}
		if b := must(w.inv.Original(ctx, w.acme, key))(t); string(b) != sbom {
			t.Errorf("%s: %d bytes are not what was imported", name, len(b))
		}
		var missing *ask.NotFoundError
		if _, err := w.inv.Document(ctx, w.rival, key); !errors.As(err, &missing) {
			t.Errorf("somebody else's document %s: %v", name, err)
		}
		if _, err := w.inv.Original(ctx, w.rival, key); !errors.As(err, &missing) {
			t.Errorf("somebody else's document %s: %v", name, err)
		}
	}
	// The shared feed's documents are everybody's to read.
	key := must(inventory.ParseDocumentKey(fmt.Sprintf("%x", sha256.Sum256([]byte(fact)))))(t)
	if b := must(w.inv.Original(ctx, w.rival, key))(t); string(b) != fact {
		t.Error("the fact is not what was imported")
	}

	unknown := must(w.inv.Unknowns(ctx, w.acme, inventory.UnknownFilter{Artifact: "pkg:oci/app@1"}))(t)
	if len(unknown) != 1 || unknown[0].Name != "nameless" || unknown[0].Reason != "no-purl" || unknown[0].Artifact != "pkg:oci/app@1" {
		t.Errorf("unknowns: %+v", unknown)
	}
	if got := must(w.inv.Unknowns(ctx, w.acme, inventory.UnknownFilter{Reason: "no-version"}))(t); len(got) != 0 {
		t.Errorf("unknowns with another reason: %+v", got)
	}

	if got := must(w.inv.Findings(ctx, w.rival, inventory.FindingFilter{Status: "all"}))(t); len(got) != 0 {
		t.Errorf("somebody else's findings: %+v", got)
	}
	if got := must(w.inv.Documents(ctx, w.rival, inventory.DocumentFilter{}))(t); len(got) != 0 {
		t.Errorf("somebody else's documents: %+v", got)
	}
	if got := must(w.inv.Unknowns(ctx, w.rival, inventory.UnknownFilter{}))(t); len(got) != 0 {
		t.Errorf("somebody else's unknowns: %+v", got)
	}
}

// TestDecide: a decision takes effect with the next projection, replaces the one before, and
// is in the audit log with that.
func TestDecide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.load(id.Shared, fact)
	w.load(w.acme, sbom, vex)
	w.project()
	statuses := func() []string {
		t.Helper()
		w.project()
		return each(must(w.inv.Findings(ctx, w.acme, inventory.FindingFilter{Status: "all"}))(t), func(f inventory.Finding) string {
			return f.Status + " by " + f.VEX.Source
		})
	}
	if got := statuses(); !slices.Equal(got, []string{"suppressed by openvex"}) {
		t.Fatalf("%v", got)
	}
	actor := id.Derive(w.acme, "user", "ann")
	d := inventory.Decision{Package: "pkg:npm/left@1.0.0", Vuln: "CVE-2026-1", Status: "affected", Rationale: "it is called", Proof: "T-1", Actor: &actor}
	for _, status := range []string{"affected", "fixed"} {
		d.Status = status
		if err := w.inv.Decide(ctx, w.acme, d); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"affected": "open by decision", "fixed": "suppressed by decision"}[status]
		if got := statuses(); !slices.Equal(got, []string{want}) {
			t.Errorf("after the decision that it is %s: %v", status, got)
		}
	}
	list := must(w.inv.VEX(ctx, w.acme, inventory.VEXFilter{Vuln: "GHSA-left"}))(t)
	got := each(list, func(v inventory.VEX) string { return v.Kind + " " + v.Status + " " + v.Outcome })
	if want := []string{"decision fixed applied", "statement not_affected superseded"}; !slices.Equal(got, want) {
		t.Errorf("verdicts %v, want %v", got, want)
	}
	if got := must(w.inv.VEX(ctx, w.acme, inventory.VEXFilter{Outcome: "superseded"}))(t); len(got) != 1 || got[0].Kind != "statement" || got[0].Document == "" {
		t.Errorf("superseded: %+v", got)
	}
	if got := must(w.inv.VEX(ctx, w.rival, inventory.VEXFilter{}))(t); len(got) != 0 {
		t.Errorf("somebody else's verdicts: %+v", got)
	}

	type entry struct {
		Before struct{ Status string }
		After  struct{ Status, Package string }
	}
	var log []string
	rows, err := w.db.Admin(t).Query(ctx, `select actor_id::text, diff from authority.audit_log where tenant_id = $1 and action = 'vex.decide' order by at`, w.acme)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var who string
		var diff []byte
		var e entry
		if err := errors.Join(rows.Scan(&who, &diff), json.Unmarshal(diff, &e)); err != nil {
			t.Fatal(err)
		}
		if who != actor.String() || e.After.Package != d.Package {
			t.Errorf("%s by %s", diff, who)
		}
		log = append(log, e.Before.Status+"→"+e.After.Status)
	}
	if want := []string{"→affected", "affected→fixed"}; !slices.Equal(log, want) {
		t.Errorf("audit log %v, want %v", log, want)
	}

	var missing *ask.NotFoundError
	if err := w.inv.Decide(ctx, w.rival, d); !errors.As(err, &missing) {
		t.Errorf("on somebody else's package: %v", err)
	}
}

// TestMatch: each purl has its answer, one of two forms.
func TestMatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.load(id.Shared, fact)
	w.project()
	list := must(w.inv.Match(t.Context(), w.acme, []string{"pkg:npm/left@1.0.0", "pkg:npm/left@1.0.1", "nonsense"}))(t)
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"purl":"pkg:npm/left@1.0.0","vulnerability":"CVE-2026-1","aliases":["GHSA-left"],"advisories":["GHSA-left"],"source":"ghsa","severity":"critical","score":9.8,"fixed_versions":["1.0.1"],"range":"\u003c1.0.1"},{"purl":"nonsense","unmatched":"invalid-purl"}]`
	if string(b) != want {
		t.Errorf("%s\nwant %s", b, want)
	}
}

// TestWrongQuestions: a question that is wrong names the member that is, and nothing is asked
// of the database.
func TestWrongQuestions(t *testing.T) {
	t.Parallel()
	past := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for want, err := range map[string]error{
		`status "shut": it is open, suppressed, closed or all`:                  inventory.FindingFilter{Status: "shut"}.Check(),
		`limit -1: it is 0, for all, or more`:                                   inventory.FindingFilter{Limit: -1}.Check(),
		`limit -2: it is 0, for all, or more`:                                   inventory.DocumentFilter{Limit: -2}.Check(),
		`kind "cve": it is sbom, vex or vuln`:                                   inventory.DocumentFilter{Kind: "cve"}.Check(),
		`artifact "x": `:                                                        inventory.UnknownFilter{Artifact: "x"}.Check(),
		`artifact "y": `:                                                        inventory.FindingFilter{Artifact: "y"}.Check(),
		`package "z": `:                                                         inventory.Decision{Package: "z", Status: "fixed"}.Check(),
		`package "pkg:npm/a" has no version: a decision is about one`:           inventory.Decision{Package: "pkg:npm/a", Status: "fixed"}.Check(),
		`status "": it is not_affected, affected, fixed or under_investigation`: inventory.Decision{Package: "pkg:npm/a@1", Vuln: "CVE-1"}.Check(),
		`say what it is about: `:                                                inventory.Decision{Status: "fixed"}.Check(),
		`not_affected needs a reason: `:                                         inventory.Decision{Vuln: "CVE-1", Status: "not_affected"}.Check(),
		`justification "requires_enviroment": it is a word of a standard; near: requires_environment`: inventory.Decision{
			Vuln: "CVE-1", Status: "not_affected", Justification: "requires_enviroment",
		}.Check(),
		`justification "code_not_present" is for not_affected`:                  inventory.Decision{Vuln: "CVE-1", Status: "fixed", Justification: "code_not_present"}.Check(),
		`until 2026-01-01T00:00:00Z has passed`:                                 inventory.Decision{Vuln: "CVE-1", Status: "fixed", Until: &past}.Check(),
		`ahead needs a package and a vulnerability`:                             inventory.Decision{Vuln: "CVE-1", Status: "fixed", Ahead: true}.Check(),
		`tag and artifact exclude each other`:                                   inventory.Decision{Artifact: "pkg:oci/a@1", Tag: "t", Status: "fixed"}.Check(),
		`say what it is about: a finding`:                                       inventory.Withdrawal{}.Check(),
		`kind "vex": it is decision or statement`:                               second(new(inventory.Inventory).VEX(t.Context(), id.Shared, inventory.VEXFilter{Kind: "vex"})),
		`"x" is neither the id of a document nor its content hash; see `:        second(inventory.ParseDocumentKey("x")),
		`"sha256:abc" is not a content hash: sha256: and 64 hexadecimal digits`: second(inventory.ParseDocumentKey("sha256:abc")),
		`"` + strings.Repeat("g", 64) + `" is not a content hash`:               second(inventory.ParseDocumentKey(strings.Repeat("g", 64))),
	} {
		var wrong *ask.WrongError
		if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := inventory.New(inventory.Config{}); err == nil {
		t.Error("an inventory without a database")
	}
}

func second[T any](_ T, err error) error { return err }

// TestWithdraw: a decision that is withdrawn counts no more, under whichever id it was made;
// the history and the audit log say what it was.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.load(id.Shared, fact)
	w.load(w.acme, sbom)
	status := func() []string {
		t.Helper()
		w.project()
		return each(must(w.inv.Findings(ctx, w.acme, inventory.FindingFilter{Status: "all"}))(t), func(f inventory.Finding) string { return f.Status })
	}
	actor := id.Derive(w.acme, "user", "ann")
	const left = "pkg:npm/left@1.0.0"
	back := inventory.Withdrawal{Package: left, Vuln: "cve-2026-1", Rationale: "it is called after all", Actor: &actor}
	var missing *ask.NotFoundError
	if err := w.inv.Withdraw(ctx, w.acme, back); !errors.As(err, &missing) {
		t.Errorf("of what nobody decided: %v", err)
	}
	for round := range 2 {
		for _, vuln := range []string{"CVE-2026-1", "GHSA-left"} {
			if err := w.inv.Decide(ctx, w.acme, inventory.Decision{Package: left, Vuln: vuln, Status: "not_affected", Rationale: "not called"}); err != nil {
				t.Fatal(err)
			}
		}
		if got := status(); !slices.Equal(got, []string{"suppressed"}) {
			t.Fatalf("round %d, decided: %v", round, got)
		}
		if err := w.inv.Withdraw(ctx, w.rival, back); !errors.As(err, &missing) {
			t.Errorf("of somebody else's: %v", err)
		}
		if err := w.inv.Withdraw(ctx, w.acme, back); err != nil {
			t.Fatal(err)
		}
		if got := status(); !slices.Equal(got, []string{"open"}) {
			t.Errorf("round %d, withdrawn: %v", round, got)
		}
		if err := w.inv.Withdraw(ctx, w.acme, back); !errors.As(err, &missing) {
			t.Errorf("twice: %v", err)
		}
	}
	list := must(w.inv.VEX(ctx, w.acme, inventory.VEXFilter{Outcome: "withdrawn"}))(t)
	if got := each(list, func(v inventory.VEX) string { return v.Kind + v.Status + " " + v.Vulnerability }); !slices.Equal(got, []string{"decision CVE-2026-1", "decision GHSA-LEFT"}) && !slices.Equal(got, []string{"decision CVE-2026-1", "decision GHSA-left"}) {
		t.Errorf("withdrawn: %v", got)
	}
	if got := must(w.inv.VEX(ctx, w.acme, inventory.VEXFilter{Outcome: "applied"}))(t); len(got) != 0 {
		t.Errorf("applied: %+v", got)
	}
	admin := w.db.Admin(t)
	count := func(sql string) (n int) {
		t.Helper()
		if err := admin.QueryRow(ctx, sql, w.acme).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(`select count(*) from vex.finding_history where tenant_id = $1 and event = 'reopened' and detail ->> 'why' = 'decision_withdrawn'`); n != 2 {
		t.Errorf("%d rows of history say that a decision was withdrawn, want 2", n)
	}
	if n := count(`select count(*) from authority.audit_log where tenant_id = $1 and action = 'vex.withdraw' and actor_id is not null
		and diff #>> '{before,status}' = 'not_affected' and diff #>> '{after,rationale}' = 'it is called after all'`); n != 4 {
		t.Errorf("%d withdrawals in the audit log, want 4", n)
	}
}

// TestDecidersMeet: of two who decide at once, each notes what the other one left.
func TestDecidersMeet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.load(w.acme, fact, sbom)
	const deciders = 8
	var group sync.WaitGroup
	for n := range deciders {
		group.Go(func() {
			status := []string{"affected", "fixed"}[n%2]
			if err := w.inv.Decide(ctx, w.acme, inventory.Decision{Package: "pkg:npm/left@1.0.0", Vuln: "CVE-2026-1", Status: status, Rationale: fmt.Sprint(n)}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	var first, distinct int
	err := w.db.Admin(t).QueryRow(ctx, `select count(*) filter (where diff -> 'before' = 'null'), count(distinct diff #>> '{before,rationale}')
		from authority.audit_log where tenant_id = $1 and action = 'vex.decide'`, w.acme).Scan(&first, &distinct)
	if err != nil || first != 1 || distinct != deciders-1 {
		t.Errorf("%d decisions found nothing before them, the others %d different ones (%v); want 1 and %d", first, distinct, err, deciders-1)
	}
}

// TestMatchBeforeProjection: what a record says now counts, whether or not a projection has come by.
func TestMatchBeforeProjection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vulns := func() []string {
		return each(must(w.inv.Match(t.Context(), w.acme, []string{"pkg:npm/left@1.0.0"}))(t), func(m inventory.Match) string { return m.Vulnerability + m.Unmatched })
	}
	w.load(id.Shared, fact)
	if got := vulns(); !slices.Equal(got, []string{"CVE-2026-1"}) {
		t.Fatalf("of a new record: %v", got)
	}
	later := strings.Replace(fact, `"modified": "2026-01-01`, `"modified": "2026-01-02`, 1)
	w.load(id.Shared, strings.Replace(later, `"1.0.1"`, `"0.9.0"`, 1))
	if got := vulns(); len(got) != 0 {
		t.Errorf("a newer version of the record does not cover it: %v", got)
	}
	w.load(w.acme, fact) // the tenant's own record of that name is another one
	if got := vulns(); !slices.Equal(got, []string{"CVE-2026-1"}) {
		t.Errorf("of the tenant's own record: %v", got)
	}
	w.load(w.acme, strings.Replace(later, `"aliases"`, `"withdrawn": "2026-01-02T00:00:00Z", "aliases"`, 1))
	if got := vulns(); len(got) != 0 {
		t.Errorf("both records are gone: %v", got)
	}
}
