package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/fixtures"
	"sluice/internal/embedpg"
	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/pgtest"
)

// TestCrashes kills the importer and PostgreSQL itself with SIGKILL, at random moments of
// an import, and goes on each time. In the end the database holds what an undisturbed
// import leaves: documents, components, statements, findings, unknowns, what is parked.
//
// SLUICE_CRASH=10,3 sets how many SIGKILLs the importer and PostgreSQL get; SLUICE_CORPORA
// names a folder with documents/ and feeds/ to import instead of generated SBOMs and the
// fixtures (make fetches nothing: it is for whoever has such a folder).
func TestCrashes(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: starts a server of its own and kills it")
	}
	importers, servers := 3, 1
	if v := os.Getenv("SLUICE_CRASH"); v != "" {
		if _, err := fmt.Sscanf(v, "%d,%d", &importers, &servers); err != nil {
			t.Fatalf("SLUICE_CRASH=%s: it is like 10,3", v)
		}
	}
	documents, feed, limit := crashInput(t)
	seed := uint64(time.Now().UnixNano())
	if v := os.Getenv("SLUICE_CRASH_SEED"); v != "" {
		seed, _ = strconv.ParseUint(v, 10, 64)
	}
	t.Logf("SLUICE_CRASH=%d,%d SLUICE_CRASH_SEED=%d", importers, servers, seed)
	rng := rand.New(rand.NewPCG(seed, 1))

	// Undisturbed, on the server of all tests.
	calm := dbtest.New(t)
	calmEnv := []string{"SLUICE_DATABASE_URL=" + calm.URL}
	must(t, calmEnv, limit, 0, append([]string{"ingest", "file", "--shared"}, feed...)...)
	start := time.Now()
	p := launch(t, calmEnv, importArgs(documents)...)
	if got := p.finish(t, limit); got != 3 {
		t.Fatalf("status %d: %s", got, tail(p.err.String()))
	}
	took := time.Since(start)
	want := content(t, calm.AdminURL)
	t.Logf("undisturbed: %s in %s", strings.TrimSpace(p.out.String()), took.Round(time.Millisecond))

	// And with crashes, on a server that is as durable as a real one and belongs to this test.
	var home string
	server := pgtest.Private(t, func(c *embedpg.Config) { home = c.Home })
	env := []string{"SLUICE_HOME=" + home}
	must(t, env, limit, 0, append([]string{"ingest", "file", "--shared"}, feed...)...)
	kills := slices.Concat(slices.Repeat([]string{"importer"}, importers), slices.Repeat([]string{"server"}, servers))
	rng.Shuffle(len(kills), func(i, j int) { kills[i], kills[j] = kills[j], kills[i] })
	// Some in the start of the program, most in the import, the last in the projection.
	step := max(2*took/time.Duration(len(kills)+1), 600*time.Millisecond)
	args := importArgs(documents)
	p = launch(t, env, args...)
	survived := 0
	for i := 0; i < len(kills); {
		pause := 50*time.Millisecond + time.Duration(rng.Int64N(int64(step)))
		select {
		case <-p.ended:
			// Done before its time. What follows kills an import that finds duplicates, and projects.
			if got := p.ProcessState.ExitCode(); got != 3 && got != 0 {
				t.Fatalf("status %d: %s", got, tail(p.err.String()))
			}
			p = launch(t, env, importArgs(documents)...)
			continue
		case <-time.After(pause):
		}
		at := howFar(t, server)
		switch kills[i] {
		case "importer":
			_ = p.Process.Kill()
			<-p.ended
			// Two times out of three as a new run, else going on with the one that was killed.
			args = importArgs(documents)
			if rng.IntN(3) == 0 {
				if n := lastRun(t, server); n > 0 {
					args = append(args, "--scan-run", fmt.Sprint(n))
				}
			}
			p = launch(t, env, args...)
		case "server":
			killServer(t, server)
			survived++
		}
		t.Logf("kill %d: %s, %s", i+1, kills[i], at)
		i++
	}
	// Nobody helps: an importer that was running when its server died brings it up again.
	if got := p.finish(t, limit); got != 0 && got != 3 {
		t.Fatalf("status %d after the last crash: %s", got, tail(p.err.String()))
	}
	if survived != servers {
		t.Errorf("%d kills of PostgreSQL, want %d", survived, servers)
	}
	// The last word: all of it once more, undisturbed, is all duplicates.
	must(t, env, limit, 0, importArgs(documents)...)

	if err := server.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := content(t, server.AdminURL())
	for name, rows := range want {
		compare(t, name, rows, got[name])
	}
}

// killServer kills the postmaster that runs now, or the one that comes next.
func killServer(t *testing.T, server *embedpg.Server) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := syscall.Kill(server.PID(), syscall.SIGKILL)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("kill PostgreSQL: %v", err)
		}
	}
}

// howFar says how far the import was, for whoever reads the log of a failure.
func howFar(t *testing.T, server *embedpg.Server) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, server.AdminURL())
	if err != nil {
		return "while the server was down"
	}
	defer conn.Close(context.Background())
	var documents, jobs int
	err = conn.QueryRow(ctx, `select (select count(*) from ingest.original where tenant_id <> core.shared_tenant()), (select count(*) from core.job_queue)`).Scan(&documents, &jobs)
	if err != nil {
		return "while the server was down"
	}
	return fmt.Sprintf("with %d documents stored and %d jobs waiting", documents, jobs)
}

// crashInput is what is imported, and how long one import may take at most.
func crashInput(t *testing.T) (documents string, feed []string, limit time.Duration) {
	t.Helper()
	if corpora := os.Getenv("SLUICE_CORPORA"); corpora != "" {
		feed, err := filepath.Glob(filepath.Join(corpora, "feeds", "*.zip"))
		if err != nil || len(feed) == 0 {
			t.Fatalf("no feeds in %s", corpora)
		}
		return filepath.Join(corpora, "documents"), feed, 20 * time.Minute
	}
	dir := t.TempDir()
	generate(t, filepath.Join(dir, "generated"), fixtures.Load{Documents: 160, Components: 80, Packages: 2000, Versions: 4})
	unpack(t, fixtures.Documents, filepath.Join(dir, "fixtures"))
	facts := filepath.Join(t.TempDir(), "feed")
	unpack(t, fixtures.Feed, facts)
	err := fixtures.Facts{Records: 300, Packages: 2000}.Each(func(name string, doc []byte) error {
		path := filepath.Join(facts, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, doc, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir, []string{facts}, 2 * time.Minute
}

func unpack(t *testing.T, files fs.FS, dir string) {
	t.Helper()
	if err := os.CopyFS(dir, files); err != nil {
		t.Fatal(err)
	}
}

func importArgs(documents string) []string {
	// Small batches: more commits to be killed in.
	return []string{"ingest", "file", documents, "--tenant", "acme", "--create-tenant", "--wait", "--output", "json", "--batch-bytes", "500000"}
}

// must is one command that must end with a status; 3, for parked documents, is as good as 0.
func must(t *testing.T, env []string, limit time.Duration, status int, args ...string) {
	t.Helper()
	p := launch(t, env, args...)
	if got := p.finish(t, limit); got != status && got != 3 {
		t.Fatalf("sluice %s: status %d: %s", strings.Join(args, " "), got, tail(p.err.String()))
	}
}

// lastRun is the scan run that was going on, 0 for none.
func lastRun(t *testing.T, server *embedpg.Server) (n int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := server.Ensure(ctx); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, server.AdminURL())
	if err != nil {
		return 0 // it is just being killed
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, `select id from ingest.scan_run where state = 'running' and tenant_id <> core.shared_tenant() order by id desc limit 1`).Scan(&n)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Log(err)
	}
	return n
}

// contents are the rows to compare, without serial numbers and without the time at which
// something was written. Ids of documents, packages, artifacts, facts and statements are
// derived from what they stand for, so they are the same everywhere. Whether an SBOM is stored with
// its meaning hash depends on who was there before it in its batch, and says nothing about the document.
var contents = map[string]string{
	"original":         `select concat_ws('|', tenant_id, encode(content_hash, 'hex'), document_id, kind, format, format_version, size, md5(bytes), warnings) from ingest.original`,
	"sbom_document":    `select concat_ws('|', tenant_id, encode(content_hash, 'hex'), artifact_purl, stream, format, document_time, component_count, md5(doc::text)) from ingest.sbom_document`,
	"document_alias":   `select concat_ws('|', tenant_id, encode(content_hash, 'hex'), document_id, artifact_id, stream, document_time) from ingest.document_alias`,
	"sbom_inventory":   `select concat_ws('|', d.tenant_id, encode(d.content_hash, 'hex'), md5(i.package_ids::text), md5(i.unmatched::text)) from ingest.sbom_inventory i join ingest.sbom_document d on d.id = i.sbom_document_id`,
	"parked":           `select concat_ws('|', tenant_id, encode(content_hash, 'hex'), reason, pointer, message, size, md5(bytes)) from ingest.parked`,
	"artifact":         `select concat_ws('|', tenant_id, id, purl, state) from artifact.artifact`,
	"stream":           `select concat_ws('|', tenant_id, artifact_id, stream, encode(content_hash, 'hex'), document_time, component_count) from artifact.stream`,
	"sbom_component":   `select concat_ws('|', tenant_id, artifact_id, stream, component_id, package_id) from ingest.sbom_component`,
	"package":          `select concat_ws('|', tenant_id, id, purl, ecosystem, match_key, match_version, unmatched_reason) from vex.package`,
	"package_key":      `select concat_ws('|', tenant_id, match_key, package_id) from vex.package_key`,
	"vuln_fact":        `select concat_ws('|', tenant_id, id, source, external_id, encode(content_hash, 'hex'), md5(payload::text)) from vex.vuln_fact`,
	"vuln_affected":    `select concat_ws('|', tenant_id, fact_id, ordinal, match_key, md5(ranges::text), is_current) from vex.vuln_affected`,
	"vuln_alias":       `select concat_ws('|', tenant_id, vuln_id, alias, fact_id, is_current) from vex.vuln_alias`,
	"vex_document":     `select concat_ws('|', tenant_id, id, encode(content_hash, 'hex'), statement_count, md5(doc::text)) from vex.vex_document`,
	"vex_statement":    `select concat_ws('|', tenant_id, id, ordinal, vuln_id, status, product, subcomponent, artifact_id, statement_time, outcome) from vex.vex_statement`,
	"package_vuln":     `select concat_ws('|', tenant_id, package_id, vuln_id, fact_id, advisory, match_range) from vex.package_vuln`,
	"open_findings":    `select concat_ws('|', tenant_id, artifact_purl, package_purl, vuln_id, score, severity, aliases, advisories, fixed_versions, vex, evidence) from vex.open_findings`,
	"suppressed":       `select concat_ws('|', tenant_id, artifact_purl, package_purl, vuln_id, score, severity, statement_id, vex, evidence) from vex.suppressed_findings`,
	"unknown":          `select concat_ws('|', tenant_id, subject_hash, kind, context, artifact_id, stream) from unknowns.unknown where valid_to is null`,
	"mv_artifact_risk": `select concat_ws('|', tenant_id, artifact_purl, risk_score) from vex.mv_artifact_risk`,
	"mv_triage_queue":  `select concat_ws('|', tenant_id, vuln_id, package_id, score, artifacts) from vex.mv_triage_queue`,
	// Nothing may be left to do, the events tell of as many findings as the history, and no
	// document was taken for new twice.
	"job_queue": `select concat_ws('|', tenant_id, kind, dedup_key, last_error) from core.job_queue`,
	"findings told": `select concat_ws('|', tenant_id, event, h.n, e.n)
		from (select tenant_id, 'findings_' || event as event, count(*) as n from vex.finding_history group by 1, 2) as h
		full join (select tenant_id, event_type as event, sum((payload ->> 'count')::int) as n from ingest.scan_run_event where event_type like 'findings%' group by 1, 2) as e using (tenant_id, event)
		where h.n is distinct from e.n`,
	"accepted twice": `select concat_ws('|', tenant_id, payload ->> 'document_id', count(*)) from ingest.scan_run_event where event_type in ('accepted', 'unchanged') group by tenant_id, payload ->> 'document_id' having count(*) > 1`,
}

// content reads all of that, sorted.
func content(t *testing.T, adminURL string) map[string][]string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), adminURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	all := map[string][]string{}
	for name, sql := range contents {
		rows, err := conn.Query(t.Context(), sql)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if all[name], err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		slices.Sort(all[name])
	}
	return all
}

func compare(t *testing.T, name string, want, got []string) {
	t.Helper()
	t.Logf("%-16s %d rows", name, len(want))
	if slices.Equal(want, got) {
		return
	}
	missing, surplus := difference(want, got), difference(got, want)
	t.Errorf("%s: %d rows, want %d; %d are missing and %d are too many\nmissing: %.2000q\ntoo many: %.2000q",
		name, len(got), len(want), len(missing), len(surplus), missing[:min(3, len(missing))], surplus[:min(3, len(surplus))])
}

// difference is what a has and b has not, both sorted.
func difference(a, b []string) (only []string) {
	for _, s := range a {
		for len(b) > 0 && b[0] < s {
			b = b[1:]
		}
		if len(b) > 0 && b[0] == s {
			b = b[1:]
			continue
		}
		only = append(only, s)
	}
	return only
}
