package notify

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/secret"
	"sluice/internal/test/dbtest"
)

func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	maintainer := []*pgx.Conn{db.Conn(t, pg.Maintainer)}
	dbtest.Plan(t, sqlFiles, db.Conn(t, pg.Relay), map[string][]*pgx.Conn{
		"add_rule": maintainer, "add_endpoint": maintainer, "rules": maintainer, "remove_rule": maintainer, "failed": maintainer, "retry": maintainer, "outcome": maintainer, "tenant_name": maintainer,
		"insert_message": {db.Conn(t, pg.Relay), maintainer[0]},
	})
}

// TestConditions: a rule tells of what meets all its conditions, and of nothing else.
func TestConditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	epss := func(p float32) *float32 { return &p }
	rules := map[string]struct {
		Rule
		want string
	}{
		"all":        {Rule{}, "CVE-1 CVE-2 CVE-3 CVE-4 CVE-5"},
		"critical":   {Rule{Severity: "critical"}, "CVE-1 CVE-3"},
		"high":       {Rule{Severity: "high"}, "CVE-1 CVE-2 CVE-3"},
		"low":        {Rule{Severity: "low"}, "CVE-1 CVE-2 CVE-3 CVE-4"},
		"kev":        {Rule{KEV: true}, "CVE-2 CVE-4"},
		"kev-high":   {Rule{KEV: true, Severity: "high"}, "CVE-2"},
		"epss":       {Rule{EPSS: epss(0.5)}, "CVE-1 CVE-5"},
		"epss-own":   {Rule{EPSS: epss(0.95)}, "CVE-5"},
		"tag":        {Rule{Tag: "production"}, "CVE-2 CVE-3"},
		"other-tag":  {Rule{Tag: "staging"}, ""},
		"package":    {Rule{Package: "pkg:npm/lodash"}, "CVE-1 CVE-2"},
		"version":    {Rule{Package: "pkg:npm/lodash@4.17.20"}, "CVE-1"},
		"ecosystem":  {Rule{Package: "pkg:pypi/*"}, "CVE-3"},
		"underscore": {Rule{Package: "*a_b*"}, "CVE-4"},
		"none":       {Rule{Tag: "production", KEV: true, Severity: "critical"}, ""},
	}
	for name, rule := range rules {
		rule.Name = name
		w.add(t, w.acme, NewRule{Rule: rule.Rule, URL: secret.Secret(r.URL)})
	}
	w.once(t) // nothing is there
	w.open(t, w.acme,
		finding{artifact: "pkg:oci/app@1", pkg: "pkg:npm/lodash@4.17.20", vuln: "CVE-1", severity: "critical"},
		finding{artifact: "pkg:oci/live@1", pkg: "pkg:npm/lodash@4.17.21", vuln: "CVE-2", severity: "high"},
		finding{artifact: "pkg:oci/live@1", pkg: "pkg:pypi/django@1", vuln: "CVE-3", severity: "critical"},
		finding{artifact: "pkg:oci/app@1", pkg: "pkg:npm/a_b@1", vuln: "CVE-4", severity: "low"},
		finding{artifact: "pkg:oci/app@1", pkg: "pkg:npm/axb@1", vuln: "CVE-5"},
	)
	w.exec(t, `insert into artifact.tag (tenant_id, artifact_id, tag) values ($1, $2, 'production')`, w.acme, id.Derive(w.acme, "artifact", "pkg:oci/live@1"))
	document := id.Derive(id.Shared, "document", "kev")
	w.exec(t, `insert into vex.kev (tenant_id, vuln_id, document_id) values ($1, 'CVE-2', $2), ($1, 'CVE-4', $2)`, id.Shared, document)
	w.exec(t, `insert into vex.kev (tenant_id, vuln_id, document_id, removed_at) values ($1, 'CVE-1', $2, now())`, id.Shared, document)
	w.exec(t, `insert into vex.epss (tenant_id, vuln_id, score, percentile) values ($1, 'CVE-1', 0.9, 0.9), ($1, 'CVE-3', 0.1, 0.9), ($1, 'CVE-5', 0.1, 0.1), ($2, 'CVE-5', 0.97, 0.9)`, id.Shared, w.acme)
	w.once(t)
	told := map[string]string{}
	for _, g := range r.requests() {
		d := g.data(t)
		var ids []string
		for _, f := range d.Opened.First {
			ids = append(ids, f.Vulnerability)
		}
		told[d.Rule] = sorted(ids)
	}
	for name, rule := range rules {
		if told[name] != rule.want {
			t.Errorf("%s (%s): %q, want %q", name, rule.Conditions(), told[name], rule.want)
		}
	}
}

// TestToldOnce: a finding is told when it opens, not again while it is open, whatever it is called by then, and again when it
// opens anew; what meets the conditions later is told as matched.
func TestToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	old := finding{artifact: "pkg:oci/app@1", pkg: "pkg:npm/old@1", vuln: "CVE-1", severity: "critical", at: "now() - interval '2 days'"}
	w.open(t, w.acme, old)
	w.add(t, w.acme, NewRule{Rule: Rule{Severity: "high", Closed: true}, URL: secret.Secret(r.URL)})
	w.once(t)
	if n := len(r.requests()); n != 0 {
		t.Fatalf("%d requests about what was there before the rule", n)
	}
	named := finding{artifact: "pkg:oci/app@1", pkg: "pkg:npm/a@1", vuln: "GHSA-a", severity: "high"}
	mild := finding{artifact: "pkg:oci/app@1", pkg: "pkg:npm/b@1", vuln: "CVE-3", severity: "low"}
	w.open(t, w.acme, named, mild)
	w.once(t)
	if got := r.last(t, 1); got != "opened GHSA-a" {
		t.Fatalf("told %q", got)
	}
	w.once(t)
	// It gets its CVE, as the projector has it: another row, with the name before as an alias.
	w.exec(t, `update vex.open_findings set vuln_id = 'CVE-2', aliases = '{GHSA-a}' where vuln_id = 'GHSA-a'`)
	w.exec(t, `insert into vex.finding_history (tenant_id, artifact_purl, artifact_id, package_id, vuln_id, event, reason)
		select tenant_id, artifact_purl, artifact_id, package_id, 'GHSA-a', 'suppressed', 'noise' from vex.open_findings where vuln_id = 'CVE-2'`)
	sweep := func(c *Config) { c.Sweep = time.Nanosecond }
	w.once(t)
	w.once(t, sweep)
	r.last(t, 1)
	// Worse than it was.
	w.exec(t, `update vex.open_findings set severity = 'critical', first_seen = now() - interval '1 day' where vuln_id = 'CVE-3'`)
	w.once(t)
	r.last(t, 1)
	w.tell(t, w.acme, mild, "changed")
	w.once(t)
	if got := r.last(t, 2); got != "matched CVE-3" {
		t.Fatalf("told %q", got)
	}
	w.close(t, w.acme, mild)
	w.once(t)
	if got := r.last(t, 3); got != "closed CVE-3" {
		t.Fatalf("told %q", got)
	}
	if f := r.requests()[2].data(t).Closed.First[0]; f.Reason != "the component is gone" || f.Severity != "critical" || f.Package != "pkg:npm/b@1" {
		t.Errorf("closed: %+v", f)
	}
	// Open anew, as a finding that was suppressed: it keeps the time at which it was seen first.
	mild.severity, mild.at = "high", "now() - interval '1 day'"
	w.open(t, w.acme, mild)
	w.tell(t, w.acme, mild, "reopened")
	w.once(t)
	if got := r.last(t, 4); got != "reopened CVE-3" {
		t.Fatalf("told %q", got)
	}
	w.close(t, w.acme, old)
	w.once(t)
	if got := r.last(t, 5); got != "closed CVE-1" {
		t.Fatalf("told %q", got)
	}
}

// TestLater: a catalogue, an EPSS file and a tag that come later have older findings told, without waiting for the hour.
func TestLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	half := float32(0.5)
	for name, rule := range map[string]Rule{"kev": {KEV: true}, "epss": {EPSS: &half}, "tag": {Tag: "production"}} {
		rule.Name = name
		w.add(t, w.acme, NewRule{Rule: rule, URL: secret.Secret(r.URL)})
	}
	w.open(t, w.acme,
		finding{artifact: "pkg:oci/a@1", pkg: "pkg:npm/a@1", vuln: "CVE-1", at: "now() - interval '1 day'"},
		finding{artifact: "pkg:oci/b@1", pkg: "pkg:npm/b@1", vuln: "CVE-2", at: "now() - interval '1 day'"},
		finding{artifact: "pkg:oci/c@1", pkg: "pkg:npm/c@1", vuln: "CVE-3", at: "now() - interval '1 day'"})
	w.once(t)
	w.once(t)
	if n := len(r.requests()); n != 0 {
		t.Fatalf("%d requests before anything came", n)
	}
	document := id.Derive(id.Shared, "document", "feed")
	w.exec(t, `insert into vex.kev (tenant_id, vuln_id, document_id) values ($1, 'CVE-1', $2)`, id.Shared, document)
	w.exec(t, `insert into vex.epss (tenant_id, vuln_id, score, percentile) values ($1, 'CVE-2', 0.9, 0.9)`, id.Shared)
	w.exec(t, `insert into vex.feed (tenant_id, feed, content_hash, document_id, entries) values ($1, 'kev', 'x', $2, 1), ($1, 'epss', 'x', $2, 1)`, id.Shared, document)
	w.exec(t, `insert into artifact.tag (tenant_id, artifact_id, tag) values ($1, $2, 'production')`, w.acme, id.Derive(w.acme, "artifact", "pkg:oci/c@1"))
	w.once(t)
	var told []string
	for _, g := range r.requests() {
		told = append(told, g.data(t).Rule+" "+g.told(t))
	}
	if got := sorted(told); got != "epss matched CVE-2 kev matched CVE-1 tag matched CVE-3" {
		t.Errorf("told %q", got)
	}
}

// TestDigest: any number of findings is one message, of a bounded size; --existing tells of what was there. SLUICE_NOTIFY_FINDINGS says
// how many findings, by default few; with -v it says what looking takes.
func TestDigest(t *testing.T) {
	t.Parallel()
	n := 10_000
	if s := os.Getenv("SLUICE_NOTIFY_FINDINGS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.exec(t, `insert into vex.open_findings (tenant_id, artifact_purl, artifact_id, package_purl, package_id, vuln_id, severity, evidence)
		select $1, 'pkg:oci/app-' || i % 7, md5('a' || i % 7)::uuid, 'pkg:npm/p' || i % 5000, md5('p' || i % 5000)::uuid, 'CVE-2026-' || i, 'medium', '{}' from generate_series(1, $2) i`, w.acme, n)
	w.exec(t, `insert into vex.finding_history (tenant_id, artifact_purl, artifact_id, package_id, vuln_id, event, reason)
		select tenant_id, artifact_purl, artifact_id, package_id, vuln_id, 'opened', 'a fact covers a component' from vex.open_findings`)
	w.open(t, w.acme, finding{artifact: "pkg:oci/z@1", pkg: "pkg:npm/z@1", vuln: "CVE-2026-0", severity: "critical"})
	w.exec(t, `analyze vex.open_findings, vex.finding_history`)
	w.add(t, w.acme, NewRule{Rule: Rule{Name: "quiet"}, URL: secret.Secret(r.URL)})
	for _, format := range Formats {
		w.add(t, w.acme, NewRule{Rule: Rule{Name: format, Format: format}, URL: secret.Secret(r.URL), Existing: true})
	}
	timed := func(what string, want Tally, change ...func(*Config)) {
		began := time.Now()
		if tally := w.once(t, change...); tally != want {
			t.Errorf("%s: %+v", what, tally)
		}
		t.Logf("%s, %d findings, 3 rules: %s", what, n, time.Since(began).Round(time.Millisecond))
	}
	timed("first look", Tally{Told: 2, Sent: 2})
	for _, g := range r.requests() {
		if strings.Contains(string(g.body), `"blocks"`) {
			if !strings.Contains(string(g.body), fmt.Sprintf("%d findings in 8 artifacts: 1 critical, %d medium", n+1, n)) || len(g.body) > 30_000 {
				t.Errorf("%d bytes: %.300s", len(g.body), g.body)
			}
			continue
		}
		d := g.data(t).Opened
		if d.Findings != int64(n)+1 || d.Artifacts != 8 || d.More != int64(n)+1-20 || len(d.First) != 20 || d.First[0].Severity != "critical" || d.BySeverity["medium"] != int64(n) {
			t.Errorf("%d findings in %d artifacts, %d more, %v, first %+v", d.Findings, d.Artifacts, d.More, d.BySeverity, d.First[0])
		}
	}
	timed("look at what is new, and all of it is", Tally{})
	timed("look at all", Tally{}, func(c *Config) { c.Sweep = time.Nanosecond })
	w.exec(t, `update routing.notify_rule set looked_at = now() + interval '1 hour'`) // as if all were old
	timed("look at what is new, and nothing is", Tally{})
}

// TestOfOneTenant: what is another tenant's is neither told nor looked at.
func TestOfOneTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.db.Tenant(t, "other")
	mine, theirs := newReceiver(t, nil), newReceiver(t, nil)
	w.add(t, w.acme, NewRule{URL: secret.Secret(mine.URL)})
	w.add(t, other, NewRule{URL: secret.Secret(theirs.URL)})
	w.once(t)
	w.open(t, w.acme, finding{artifact: "pkg:oci/secret-plan@1", pkg: "pkg:npm/a@1", vuln: "CVE-1"})
	w.once(t)
	if got := mine.last(t, 1); got != "opened CVE-1" {
		t.Errorf("told %q", got)
	}
	if n := len(theirs.requests()); n != 0 {
		t.Errorf("%d requests to the other tenant", n)
	}
	if d := mine.requests()[0].data(t); d.Tenant != "acme" || d.Rule != "r" {
		t.Errorf("%+v", d)
	}
	for _, rows := range []string{"notify_told", "notify_message"} {
		if n := query[int64](t, w, `select count(*) from routing.`+rows+` where tenant_id = $1`, other)[0]; n != 0 {
			t.Errorf("%d rows of the other tenant in %s", n, rows)
		}
	}
}

// TestTopic: messages for the topic go into the outbox once, when a relay has asked for them, in the transaction that
// notes them as told.
func TestTopic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(t, w.acme, NewRule{Rule: Rule{Target: Topic}})
	w.once(t)
	w.open(t, w.acme, finding{artifact: "pkg:oci/a@1", pkg: "pkg:npm/a@1", vuln: "CVE-1"})
	w.once(t)
	if n := query[int64](t, w, `select count(*) from core.outbox`)[0]; n != 0 {
		t.Fatalf("%d rows in the outbox, and no relay has run", n)
	}
	w.exec(t, `update core.outbox_route set enabled = true where name = 'findings'`)
	w.once(t)
	w.once(t)
	got := query[string](t, w, `select concat_ws(' ', topic, m ->> 'type', m ->> 'subject', m -> 'data' -> 'opened' -> 'first' -> 0 ->> 'vulnerability') from core.outbox, jsonb_array_elements(payload) m`)
	if len(got) != 1 || got[0] != "findings dev.sluice.notification.v1 r CVE-1" {
		t.Errorf("in the outbox: %q", got)
	}
}
