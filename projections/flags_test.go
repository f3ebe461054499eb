package projections

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/routing/flags"
)

// realFlags asks the flags of the database, as the program does.
type realFlags struct{ flags *flags.Flags }

func (r realFlags) Projects(ctx context.Context, tenant id.ID) (bool, error) {
	set, err := r.flags.Of(ctx, tenant)
	if err != nil {
		return false, err
	}
	return set.On(flags.Projection, nil), nil
}

func (r realFlags) InForce(ctx context.Context, tx pgx.Tx, tenant id.ID) (InForce, error) {
	set, err := flags.Load(ctx, tx, tenant, flags.Issuer, flags.CPE)
	return realForce{set}, err
}

type realForce struct{ set *flags.Set }

func (f realForce) Trusts(issuer, source string) bool {
	return f.set.On(flags.Issuer, flags.Attributes{"issuer": issuer, "source": source})
}
func (f realForce) ByCPE() bool { return f.set.On(flags.CPE, nil) }

// flagged is a world whose worker asks flags, and what sets them.
func flagged(t *testing.T) (w *world, worker *Worker, set func(tenant id.ID, key, rules string)) {
	t.Helper()
	w = newWorld(t)
	worker = w.worker(func(c *Config) {
		c.Flags = realFlags{flags.New(flags.Config{Pool: w.db.Pool(t, pg.Projector), Every: 1})}
	})
	operator := w.db.Pool(t, pg.Maintainer, pg.Config{MaxConns: 1})
	return w, worker, func(tenant id.ID, key, rules string) {
		t.Helper()
		if _, err := flags.Put(t.Context(), operator, tenant, flags.Change{Key: key, Rules: []byte(rules)}); err != nil {
			t.Fatal(err)
		}
	}
}

const distrustVendor = `{"rules": [{"if": [{"attribute": "issuer", "equals": "vendor"}], "then": false}], "else": true}`

// TestTrustOfIssuers: statements of an issuer that is not trusted are kept and not in force, whenever
// they and the distrust came; findings follow each change, for one tenant and for all.
func TestTrustOfIssuers(t *testing.T) {
	t.Parallel()
	w, worker, set := flagged(t)
	acme, beta := w.db.Tenant(t, "acme"), w.db.Tenant(t, "beta")
	by := func(author, vuln string) object {
		at := "2026-02-01T00:00:00Z"
		if author != "vendor" {
			at = "2026-02-02T00:00:00Z" // the newer one
		}
		d := openVEXAt(at, statementOf(vuln, "fixed", "pkg:oci/app@1"))
		d["author"], d["@id"] = author, author+vuln
		return d
	}
	for _, tenant := range []id.ID{acme, beta} {
		w.load(t, envelope(t, tenant, "1", "", record("CVE-2026-1", "left")), envelope(t, tenant, "2", "", record("CVE-2026-2", "left")),
			envelope(t, tenant, "3", "", sbomOf(object{"type": "application", "name": "app", "purl": "pkg:oci/app@1"}, "", "pkg:npm/left@1.0.0")),
			envelope(t, tenant, "4", "", by("vendor", "CVE-2026-1")))
	}
	want := func(step string, tenant id.ID, state, outcome string) {
		t.Helper()
		if err := worker.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		status := w.statusOf(t, tenant)
		one, two := status["pkg:oci/app@1 pkg:npm/left@1.0.0 CVE-2026-1"], status["pkg:oci/app@1 pkg:npm/left@1.0.0 CVE-2026-2"]
		if got := one + ", " + two; got != state {
			t.Errorf("%s: findings are %s; want %s", step, got, state)
		}
		if got := strings.Join(query[string](t, w, `select issuer || ' ' || outcome from vex.vex_statement where tenant_id = $1 order by 1`, tenant), ", "); got != outcome {
			t.Errorf("%s: outcomes are %s; want %s", step, got, outcome)
		}
	}
	const fixed, open = "suppressed fixed", "open -"
	want("trusted by default", acme, fixed+", "+open, "vendor applied")

	set(acme, flags.Issuer, distrustVendor)
	want("not trusted any more", acme, open+", "+open, "vendor untrusted_issuer")
	want("not trusted by another tenant", beta, fixed+", "+open, "vendor applied")
	reason := query[string](t, w, `select reason || ' ' || (detail ->> 'why') from vex.finding_history where tenant_id = $1 and event = 'reopened'`, acme)
	if !slices.Equal(reason, []string{"the issuer who said so is not trusted any more trust"}) {
		t.Errorf("history says %q", reason)
	}

	// What comes while they are not trusted waits as well; others speak.
	w.load(t, envelope(t, acme, "5", "", by("vendor", "CVE-2026-2")), envelope(t, acme, "6", "", by("somebody", "CVE-2026-2")))
	want("a statement comes", acme, open+", "+fixed, "somebody applied, vendor untrusted_issuer, vendor untrusted_issuer")

	set(acme, flags.Issuer, `{}`)
	want("trusted again", acme, fixed+", "+fixed, "somebody applied, vendor applied, vendor superseded")

	// For all who have not said themselves.
	set(id.Shared, flags.Issuer, distrustVendor)
	want("distrusted for all", beta, open+", "+open, "vendor untrusted_issuer")
	want("distrusted for all but who trusts", acme, fixed+", "+fixed, "somebody applied, vendor applied, vendor superseded")
	if err := flags.Delete(t.Context(), w.db.Pool(t, pg.Maintainer, pg.Config{MaxConns: 1}), id.Shared, flags.Issuer); err != nil {
		t.Fatal(err)
	}
	want("nobody says anything", beta, fixed+", "+open, "vendor applied")
	// Changed while the worker is away, and while a statement waits for its first projection.
	set(acme, flags.Issuer, distrustVendor)
	w.load(t, envelope(t, acme, "7", "", by("vendor", "CVE-2026-3")))
	want("both at once", acme, open+", "+fixed, "somebody applied, vendor untrusted_issuer, vendor untrusted_issuer, vendor untrusted_issuer")
}

// TestMatchingByCPE: keys that are CPEs count only while that is switched on, and what they find says so. No
// import gives packages such keys yet; a key in the table is looked up like any other.
func TestMatchingByCPE(t *testing.T) {
	t.Parallel()
	w, worker, set := flagged(t)
	acme := w.db.Tenant(t, "acme")
	nvd := object{"id": "CVE-2026-1", "vulnStatus": "Analyzed", "lastModified": "2026-01-02T03:04:05.000", "configurations": []object{{"nodes": []object{{"cpeMatch": []object{
		{"vulnerable": true, "criteria": "cpe:2.3:a:acme:right:*:*:*:*:*:*:*:*", "versionEndExcluding": "1.0.1"},
	}}}}}}
	w.load(t, envelope(t, acme, "1", "", nvd),
		envelope(t, acme, "2", "", sbomOf(object{"type": "application", "name": "app", "purl": "pkg:oci/app@1"}, "", "pkg:npm/right@1.0.0")))
	w.exec(t, `insert into vex.package_key (tenant_id, match_key, package_id) select tenant_id, 'cpe:a:acme:right', id from vex.package where name = 'right'`)
	want := func(step string, findings int) {
		t.Helper()
		if err := worker.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(w.statusOf(t, acme)); got != findings {
			t.Errorf("%s: %d findings, want %d", step, got, findings)
		}
	}
	want("off by default", 0)
	set(acme, flags.CPE, `{}`)
	want("on", 1)
	w.exec(t, `do $$ begin
		if not exists (select from vex.open_findings where evidence #>> '{facts,0,matched_by}' = 'cpe' and evidence #>> '{facts,0,source}' = 'nvd' and fixed_versions = '{1.0.1}') then
			raise exception 'the evidence does not say that it was a CPE';
		end if;
	end $$`)
	set(acme, flags.CPE, `{"else": false}`)
	want("off", 0)
	set(id.Shared, flags.CPE, `{}`)
	want("on for others", 0)
	if err := flags.Delete(t.Context(), w.db.Pool(t, pg.Maintainer, pg.Config{MaxConns: 1}), acme, flags.CPE); err != nil {
		t.Fatal(err)
	}
	want("on for all", 1)
}

// TestProjectionPaused: jobs of a tenant whose projection is off wait unharmed, those of others are done.
func TestProjectionPaused(t *testing.T) {
	t.Parallel()
	w, worker, set := flagged(t)
	acme, beta := w.db.Tenant(t, "acme"), w.db.Tenant(t, "beta")
	set(acme, flags.Projection, `{"else": false}`)
	for _, tenant := range []id.ID{acme, beta} {
		w.load(t, envelope(t, tenant, "1", "", record("CVE-2026-1", "left")),
			envelope(t, tenant, "2", "", sbomOf(object{"type": "application", "name": "app", "purl": "pkg:oci/app@1"}, "", "pkg:npm/left@1.0.0")))
	}
	var paused *PausedError
	if err := worker.Drain(t.Context()); !errors.As(err, &paused) || !slices.Equal(paused.Tenants, []id.ID{acme}) {
		t.Errorf("drained: %v", err)
	}
	if err := worker.Drain(t.Context(), beta); err != nil {
		t.Errorf("the other tenant: %v", err)
	}
	if a, b := len(w.statusOf(t, acme)), len(w.statusOf(t, beta)); a != 0 || b != 1 {
		t.Errorf("%d findings of the paused tenant, %d of the other", a, b)
	}
	if n := query[int64](t, w, `select count(*) from core.job_queue where tenant_id = $1 and attempts = 0 and locked_at is null`, acme)[0]; n < 2 {
		t.Errorf("%d jobs wait", n)
	}
	set(acme, flags.Projection, `{}`)
	if err := worker.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := len(w.statusOf(t, acme)); a != 1 {
		t.Errorf("%d findings when it is on again", a)
	}
}

// TestFlagNames: a job names a flag as routing/flags does.
func TestFlagNames(t *testing.T) {
	t.Parallel()
	var names []string
	for _, d := range flags.Definitions(nil) {
		if d.Reprojects {
			names = append(names, d.Key)
		}
	}
	if want := []string{flagCPE, flagIssuer}; !slices.Equal(names, want) {
		t.Errorf("findings depend on %q, and %q are known here", names, want)
	}
}
