package inventory_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/inventory"
)

// second is a second artifact with the packages of sbom.
var secondArtifact = strings.ReplaceAll(sbom, "pkg:oci/app@1", "pkg:oci/shop@2")

// states are the findings as ARTIFACT STATE STATUS.
func (w *world) states(t *testing.T) []string {
	t.Helper()
	list := must(w.inv.Findings(t.Context(), w.acme, inventory.FindingFilter{Status: "all"}))(t)
	return each(list, func(f inventory.Finding) string {
		said := ""
		if f.VEX != nil {
			said = " " + f.VEX.Status
		}
		return f.Artifact + " " + f.Status + said
	})
}

// TestDecideInArtifact: a decision about one artifact holds there alone and goes before one that holds
// everywhere; by tag it is about those that have it, by vulnerability about what is found.
func TestDecideInArtifact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.load(id.Shared, fact)
	w.load(w.acme, sbom, secondArtifact)
	w.project()
	const app, shop = "pkg:oci/app@1", "pkg:oci/shop@2"
	check := func(what string, want ...string) {
		t.Helper()
		w.project()
		if got := w.states(t); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	decide := func(d inventory.Decision, dry bool) inventory.Decided {
		t.Helper()
		return must(w.inv.DecideAll(ctx, w.acme, []inventory.Decision{d}, dry))(t)
	}
	check("before", app+" open", shop+" open")

	here := inventory.Decision{Vuln: "GHSA-left", Artifact: app, Status: "not_affected", Justification: "component_not_present"}
	dry := decide(here, true)
	if len(dry.Decisions) != 1 || len(dry.Findings) != 1 || dry.Findings[0].From != "open" || dry.Findings[0].To != "suppressed" || dry.Findings[0].Artifact != app {
		t.Errorf("dry run: %+v", dry)
	}
	check("a dry run", app+" open", shop+" open")
	done := decide(here, false)
	if !slices.Equal(done.Findings, dry.Findings) {
		t.Errorf("decided %+v, the dry run said %+v", done.Findings, dry.Findings)
	}
	check("in one artifact", app+" suppressed not_affected", shop+" open")

	done = decide(inventory.Decision{Package: "pkg:npm/left@1.0.0", Vuln: "CVE-2026-1", Status: "affected"}, false)
	kept := each(done.Findings, func(e inventory.Effect) string { return e.Artifact + " " + e.To + " " + e.Kept })
	if want := []string{app + " suppressed a decision about this artifact goes before", shop + " open "}; !slices.Equal(kept, want) {
		t.Errorf("effects %q, want %q", kept, want)
	}
	check("everywhere", app+" suppressed not_affected", shop+" open affected")

	for _, a := range []string{app, shop} {
		if _, err := w.db.Admin(t).Exec(ctx, `insert into artifact.tag (tenant_id, artifact_id, tag) values ($1, $2, 'production')`, w.acme, id.Derive(w.acme, "artifact", a)); err != nil {
			t.Fatal(err)
		}
	}
	decide(inventory.Decision{Tag: "production", Package: "pkg:npm/left@1.0.0", Vuln: "CVE-2026-1", Status: "fixed"}, false)
	check("by tag", app+" suppressed fixed", shop+" suppressed fixed")

	a, p := id.Derive(w.acme, "artifact", app), id.Derive(w.acme, "package", "pkg:npm/left@1.0.0")
	finding := fmt.Sprintf("CVE-2026-1.%x.%x", a[:6], p[:6])
	done = decide(inventory.Decision{Finding: finding, Status: "fixed"}, true)
	if len(done.Decisions) != 1 || done.Decisions[0].Artifact != app || done.Decisions[0].From != "fixed" {
		t.Errorf("by finding: %+v", done)
	}
	must(w.inv.WithdrawAll(ctx, w.acme, inventory.Withdrawal{Finding: finding}, false))(t)
	check("withdrawn in one", app+" open affected", shop+" suppressed fixed")
	var missing *ask.NotFoundError
	if err := w.inv.Withdraw(ctx, w.acme, inventory.Withdrawal{Artifact: app}); !errors.As(err, &missing) {
		t.Errorf("withdrawn twice: %v", err)
	}

	history := must(w.inv.History(ctx, w.acme, inventory.HistoryFilter{Package: "pkg:npm/left@1.0.0", Vuln: "GHSA-left", Artifact: app}))(t)
	got := []string{}
	for _, e := range history {
		if e.Decision != "" && strings.HasPrefix(e.Event, "vex.") {
			got = append(got, e.Event+" "+e.From+"→"+e.To)
		}
	}
	if want := []string{"vex.withdraw fixed→", "vex.decide not_affected→fixed", "vex.decide →not_affected"}; !slices.Equal(got, want) {
		t.Errorf("history %q, want %q", got, want)
	}
	if n := len(history) - len(got); n < 3 { // opened, suppressed, reopened
		t.Errorf("the history has %d events of findings", n)
	}
	if list := must(w.inv.History(ctx, w.rival, inventory.HistoryFilter{}))(t); len(list) != 0 {
		t.Errorf("somebody else's history: %v", list)
	}
}

// TestDecideUntil: a decision with a date decides nothing after it, and the findings are open again without
// anybody's doing; one that it replaced does not come back, one that holds everywhere does.
func TestDecideUntil(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.load(id.Shared, fact)
	w.load(w.acme, sbom)
	w.project()
	admin := w.db.Admin(t)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := admin.Exec(ctx, sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	until := time.Now().Add(time.Hour)
	d := inventory.Decision{Package: "pkg:npm/left@1.0.0", Vuln: "GHSA-left", Status: "not_affected", Rationale: "never called"}
	must(w.inv.DecideAll(ctx, w.acme, []inventory.Decision{d}, false))(t)
	d.Vuln, d.Until = "CVE-2026-1", &until
	must(w.inv.DecideAll(ctx, w.acme, []inventory.Decision{d}, false))(t)
	w.project() // does not wait for the end of the decision
	if got := w.states(t); !slices.Equal(got, []string{"pkg:oci/app@1 suppressed not_affected"}) {
		t.Fatalf("while it holds: %q", got)
	}
	var waiting int
	if err := admin.QueryRow(ctx, `select count(*) from core.job_queue where kind = 'expiry' and run_after = $1`, until.Truncate(time.Microsecond)).Scan(&waiting); err != nil || waiting != 1 {
		t.Fatalf("%d jobs wait for its end, %v", waiting, err)
	}
	// The clock is not ours to set: what was to happen in an hour was to happen an hour ago.
	exec(`update vex.vex_decision set expires_at = expires_at - interval '2 hours', decided_at = decided_at - interval '2 hours' where expires_at is not null`)
	exec(`update vex.vex_decision set decided_at = decided_at - interval '3 hours' where expires_at is null`)
	exec(`update core.job_queue set run_after = run_after - interval '2 hours' where kind = 'expiry'`)
	w.project()
	if got := w.states(t); !slices.Equal(got, []string{"pkg:oci/app@1 open"}) {
		t.Errorf("after its end: %q", got)
	}
	var why string
	if err := admin.QueryRow(ctx, `select detail ->> 'why' from vex.finding_history where tenant_id = $1 and event = 'reopened'`, w.acme).Scan(&why); err != nil || why != "decision_expired" {
		t.Errorf("it is open again because of %q, %v", why, err)
	}
	list := must(w.inv.VEX(ctx, w.acme, inventory.VEXFilter{Outcome: "expired"}))(t)
	if len(list) != 1 || list[0].Vulnerability != "CVE-2026-1" || list[0].Until == nil {
		t.Errorf("expired: %+v", list)
	}
	done := must(w.inv.DecideAll(ctx, w.acme, []inventory.Decision{{Package: d.Package, Vuln: d.Vuln, Status: "fixed"}}, true))(t)
	if c := done.Decisions[0]; c.From != "" || c.FromAt == nil {
		t.Errorf("what ended is replaced as if it were in force: %+v", c)
	}
}

// TestUnknownNames: what is decided on has to be there, and an error has what may have been meant.
func TestUnknownNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.load(id.Shared, fact)
	w.load(w.acme, sbom)
	w.project()
	for want, d := range map[string]inventory.Decision{
		"nothing here knows the vulnerability CVE-2026-11; near: CVE-2026-1":        {Package: "pkg:npm/left@1.0.0", Vuln: "CVE-2026-11"},
		"no SBOM of this tenant lists pkg:npm/lefd@1.0.0; near: pkg:npm/left@1.0.0": {Package: "pkg:npm/lefd@1.0.0", Vuln: "CVE-2026-1"},
		"there is no artifact pkg:oci/ap@1; near: pkg:oci/app@1":                    {Vuln: "CVE-2026-1", Artifact: "pkg:oci/ap@1"},
		"no artifact has the tag prod":                                              {Vuln: "CVE-2026-1", Tag: "prod"},
		"no finding is about that":                                                  {Package: "pkg:npm/right@2.0.0"},
	} {
		d.Status = "fixed"
		_, err := w.inv.DecideAll(ctx, w.acme, []inventory.Decision{d}, false)
		var missing *ask.NotFoundError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	ahead := inventory.Decision{Package: "pkg:npm/later@1.0.0", Vuln: "CVE-2027-1", Artifact: "pkg:oci/later@1", Status: "not_affected", Impact: "it is never called", Ahead: true}
	if done := must(w.inv.DecideAll(ctx, w.acme, []inventory.Decision{ahead}, false))(t); len(done.Findings) != 0 {
		t.Errorf("%+v", done)
	}
	w.load(id.Shared, strings.NewReplacer("GHSA-left", "GHSA-later", "CVE-2026-1", "CVE-2027-1", `"left"`, `"later"`).Replace(fact))
	w.load(w.acme, strings.NewReplacer("pkg:oci/app@1", "pkg:oci/later@1", "left", "later").Replace(sbom))
	w.project()
	if got := w.states(t); !slices.Equal(got, []string{"pkg:oci/app@1 open", "pkg:oci/later@1 suppressed not_affected"}) {
		t.Errorf("after the import: %q", got)
	}
}

// TestConflicts: who decides is told what issuers say instead, and afterwards what newer statements do.
func TestConflicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.load(id.Shared, fact)
	w.load(w.acme, sbom, vex) // acme says not_affected
	w.project()
	d := inventory.Decision{Package: "pkg:npm/left@1.0.0", Vuln: "CVE-2026-1", Status: "affected", Action: "update"}
	done := must(w.inv.DecideAll(ctx, w.acme, []inventory.Decision{d}, false))(t)
	if len(done.Conflicts) != 1 || done.Conflicts[0].Issuer != "acme" || done.Conflicts[0].Status != "not_affected" || done.Conflicts[0].Newer {
		t.Errorf("conflicts %+v", done.Conflicts)
	}
	w.project()
	contradicted := func() int {
		t.Helper()
		return len(must(w.inv.VEX(ctx, w.acme, inventory.VEXFilter{Contradicted: true}))(t))
	}
	if n := contradicted(); n != 0 {
		t.Errorf("%d decisions are contradicted by older statements", n)
	}
	w.load(w.acme, strings.NewReplacer("urn:one", "urn:two", "2026-01-03", time.Now().AddDate(0, 0, 2).UTC().Format(time.DateOnly)).Replace(vex))
	w.project()
	if n := contradicted(); n != 1 {
		t.Errorf("%d decisions are contradicted by a newer statement", n)
	}
	done = must(w.inv.DecideAll(ctx, w.acme, []inventory.Decision{d}, true))(t)
	if got := each(done.Conflicts, func(c inventory.Conflict) string { return fmt.Sprint(c.Status, c.Newer) }); !slices.Equal(got, []string{"not_affectedfalse", "not_affectedtrue"}) {
		t.Errorf("conflicts %q", got)
	}
}

// TestAnalystsMeet: of two who decide the same at the same moment both are on record, one wins, and that one
// is told what it replaced; with the revision that they saw only one of them decides.
func TestAnalystsMeet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.load(w.acme, fact, sbom)
	w.project()
	decide := func(rounds int, see bool) (done []inventory.Decided, refused int) {
		var group sync.WaitGroup
		var mu sync.Mutex
		start := make(chan struct{})
		for n := range 2 {
			group.Go(func() {
				ctx := pg.WithActor(t.Context(), pg.Actor{User: id.Derive(w.acme, "user", fmt.Sprint(n)), Name: fmt.Sprint(n)})
				d := inventory.Decision{Package: "pkg:npm/left@1.0.0", Vuln: []string{"CVE-2026-1", "cve-2026-1"}[n], Status: []string{"affected", "fixed"}[n]}
				if see {
					d.IfRevision = &rounds
				}
				<-start
				got, err := w.inv.DecideAll(ctx, w.acme, []inventory.Decision{d}, false)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					done = append(done, got)
				case see && strings.Contains(err.Error(), "was decided meanwhile"):
					refused++
				default:
					t.Error(err)
				}
			})
		}
		close(start)
		group.Wait()
		return done, refused
	}
	revision := 0
	for range 5 {
		done, _ := decide(revision, false)
		if len(done) != 2 {
			t.Fatalf("%d decided", len(done))
		}
		a, b := done[0].Decisions[0], done[1].Decisions[0]
		if a.Revision > b.Revision {
			a, b = b, a
		}
		if a.Revision != revision+1 || b.Revision != revision+2 || b.From != a.To || b.FromBy == "" {
			t.Fatalf("the first %+v, the second %+v", a, b)
		}
		revision += 2
		w.project()
		if got, want := w.states(t), map[string]string{"affected": "pkg:oci/app@1 open affected", "fixed": "pkg:oci/app@1 suppressed fixed"}[b.To]; !slices.Equal(got, []string{want}) {
			t.Fatalf("%q, and the last word was %s", got, b.To)
		}
	}
	if done, refused := decide(revision, true); len(done) != 1 || refused != 1 {
		t.Errorf("%d decided and %d were refused", len(done), refused)
	}
	history := must(w.inv.History(t.Context(), w.acme, inventory.HistoryFilter{Vuln: "CVE-2026-1"}))(t)
	if len(history) != revision+1 {
		t.Errorf("%d decisions are on record, want %d", len(history), revision+1)
	}
	for i, e := range history { // each names what the one before left
		if i+1 < len(history) && e.From != history[i+1].To || e.By == "" {
			t.Errorf("%d: %s→%s by %q after %s", i, e.From, e.To, e.By, history[min(i+1, len(history)-1)].To)
		}
	}
}
