package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/internal/pg"
	"sluice/internal/test/brief"
	"sluice/internal/test/faults"
	"sluice/internal/test/pgproxy"
	"sluice/normalize"
)

// through opens a pool whose connections go through a proxy.
func (h *harness) through(cfg pg.Config) (*pgproxy.Proxy, *pgxpool.Pool) {
	h.t.Helper()
	proxy, url := pgproxy.New(h.t, h.db.URL, nil)
	pool, err := pg.Open(h.t.Context(), url, pg.Ingest, cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(pool.Close)
	return proxy, pool
}

// patient is a configuration for tests that fail often.
func patient() ingest.Config {
	return ingest.Config{RetryFirst: time.Millisecond, RetryMax: time.Millisecond}
}

// injector fails statements that write a document of which the transaction has sent the marker.
type injector struct {
	mu    sync.Mutex
	count int
}

func (i *injector) on(proxy *pgproxy.Proxy, state string, most int, table, marker string) {
	i.count = 0
	proxy.Fail(func(s pgproxy.Statement) string {
		if !s.Is("insert into "+table) || !s.Mentions(marker) {
			return ""
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.count == most {
			return ""
		}
		i.count++
		return state
	})
}

// TestFaults: every row of the table, at the insert of the third of four documents.
func TestFaults(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	proxy, pool := h.through(ingest.PoolConfig(2))
	var inject injector
	faults.Each(t, func(t *testing.T, f faults.Injected) {
		defer proxy.Fail(nil)
		before := query[int64](h, `select count(*) from ingest.parked`)
		name := strings.TrimSuffix(f.State, "!")
		docs := [][]byte{fact(name + "-A"), fact(name + "-B"), fact(name + "-POISON"), fact(name + "-C")}
		most := -1
		if f.Fault == pg.FaultOutage {
			most = 2
		}
		inject.on(proxy, f.State, most, "ingest.original", name+"-POISON")
		h.receipts = nil
		err := h.pipelineOn(pool, patient()).Run(t.Context(), h.list(docs...))
		var c ingest.Counts
		c.Add(h.receipts...)
		switch f.Fault {
		case pg.FaultDefect:
			var told *pg.DefectError
			if !errors.As(err, &told) || told.Role != pg.Ingest || !strings.Contains(err.Error(), "memory/0") {
				t.Errorf("error %v", err)
			}
			if c.Documents != 0 || inject.count != 1 {
				t.Errorf("%+v after %d attempts", c, inject.count)
			}
			wantCount(h, before, `select count(*) from ingest.parked`)
		case pg.FaultOutage:
			if err != nil || c.Accepted != 4 || inject.count != 2 {
				t.Errorf("%+v after %d attempts, %v", c, inject.count, err)
			}
			wantCount(h, before, `select count(*) from ingest.parked`)
		default:
			reason, attempts := normalize.ReasonDatabase, 3 // the batch, a half, alone
			switch f.Fault {
			case pg.FaultTooSlow:
				reason, attempts = normalize.ReasonTooSlow, 3+1+3
			case pg.FaultInternal:
				attempts = 5 + 5 + 5
			}
			if err != nil || c.Accepted != 3 || c.Parked != 1 || c.ByReason[reason] != 1 || inject.count != attempts {
				t.Errorf("%+v after %d attempts, want %d; %v", c, inject.count, attempts, err)
			}
			wantCount(h, before+1, `select count(*) from ingest.parked`)
			wantCount(h, 1, `select attempts::bigint from ingest.parked order by id desc limit 1`)
		}
		// Mended: what is not parked lands; what is, does by a replay.
		proxy.Fail(nil)
		if f.Fault == pg.FaultDefect {
			if c := h.run(h.pipelineOn(pool, patient()), h.list(docs...)); c.Accepted != 4 {
				t.Errorf("after the repair: %+v", c)
			}
		}
	})
	n := query[int64](h, `select count(*) from ingest.parked`)
	src, err := ingest.NewReplay(t.Context(), pool, h.tenant, 1, ingest.ParkedFilter{})
	if err != nil {
		t.Fatal(err)
	}
	least := int64(10)
	if brief.Run(t) {
		least = 3 // of fewer faults
	}
	if c := h.run(h.pipelineOn(pool, patient()), src); c.Accepted != n || n < least {
		t.Errorf("replay of %d: %+v", n, c)
	}
}

// TestFaultsBeforeTheDocument: what fails before anything of a document is written, or when one
// is set aside, parks nothing.
func TestFaultsBeforeTheDocument(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	proxy, pool := h.through(ingest.PoolConfig(2))
	for name, match := range map[string]func(pgproxy.Statement) bool{
		"the look-up":         func(s pgproxy.Statement) bool { return strings.Contains(s.SQL, "ingest.original") && s.Is("select") },
		"the parked document": func(s pgproxy.Statement) bool { return s.Is("insert into ingest.parked") },
	} {
		for _, state := range []string{"57014", "XX000", "22P05", "42501"} {
			count := 0
			proxy.Fail(func(s pgproxy.Statement) string {
				if !match(s) {
					return ""
				}
				count++
				return state
			})
			err := h.pipelineOn(pool, patient()).Run(t.Context(), h.list([]byte("{broken "+name+state)))
			if err == nil || count == 0 || count > 15 {
				t.Errorf("%s fails with %s: %v after %d attempts", name, state, err, count)
			}
		}
	}
	proxy.Fail(nil)
	wantCount(h, 0, `select count(*) from ingest.parked`)
}

// TestTooSlow: a document that outlasts statement_timeout is parked as such; the others of its
// batch land, and it does too by a replay when there is more time.
func TestTooSlow(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	admin := h.db.Admin(t)
	for _, sql := range []string{
		`create function public.slow() returns trigger language plpgsql as $$ begin if new.size > 5000000 then perform pg_sleep(20); end if; return new; end $$`,
		`create trigger slow before insert on ingest.original for each row execute function public.slow()`,
	} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	cfg := ingest.PoolConfig(2)
	cfg.StatementTimeout = 2 * time.Second
	pool := h.db.Pool(t, pg.Ingest, cfg)
	large := sbom("large", serial(1), "2026-01-01T00:00:00Z", "pkg:npm/left-pad@1.0.0")
	large = append(large[:len(large)-1], []byte(`, "properties": [{"name": "x", "value": "`+strings.Repeat("x", 6<<20)+`"}]}`)...)
	c := h.run(h.pipelineOn(pool, ingest.Config{RetryFirst: time.Millisecond, BatchBytes: 32 << 20}), h.list(fact("A"), large, fact("B")))
	if c.Accepted != 2 || c.ByReason[normalize.ReasonTooSlow] != 1 {
		t.Fatalf("%+v", c)
	}
	if got := h.receipt("memory/1"); got.Format != "cyclonedx-json" || !strings.Contains(got.Message, "tried 3 times") || !strings.Contains(got.Message, "statement timeout") {
		t.Errorf("%+v", got)
	}
	if _, err := admin.Exec(t.Context(), `drop trigger slow on ingest.original`); err != nil {
		t.Fatal(err)
	}
	src, err := ingest.NewReplay(t.Context(), h.pool, h.tenant, 1, ingest.ParkedFilter{Reason: normalize.ReasonTooSlow})
	if err != nil {
		t.Fatal(err)
	}
	if c := h.run(h.pipeline(ingest.Config{}), src); c.Accepted != 1 {
		t.Errorf("replay: %+v", c)
	}
}

// TestMissingTable: like a missing right, no document's fault.
func TestMissingTable(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	admin := h.db.Admin(t)
	if _, err := admin.Exec(t.Context(), `alter table vex.vuln_affected rename to elsewhere`); err != nil {
		t.Fatal(err)
	}
	err := h.pipeline(patient()).Run(t.Context(), h.list(fact("A"), fact("B")))
	if err == nil || !strings.Contains(err.Error(), "sluice migrate verify") {
		t.Errorf("error %v", err)
	}
	wantCount(h, 0, `select count(*) from ingest.parked`)
	if _, err := admin.Exec(t.Context(), `alter table vex.elsewhere rename to vuln_affected`); err != nil {
		t.Fatal(err)
	}
	if c := h.run(h.pipeline(patient()), h.list(fact("A"), fact("B"))); c.Accepted != 2 {
		t.Errorf("%+v", c)
	}
}

// TestPackagesAfterAFailOver: the importer remembers packages that are committed; after a
// fail-over to a server that lost those commits it sends them again, whether it noticed an
// outage or only finds itself on a server that was started at another time.
func TestPackagesAfterAFailOver(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	admin := h.db.Admin(t)
	for _, sql := range []string{
		`create schema shadow`, `create table shadow.started (at timestamptz not null)`, `insert into shadow.started values (now())`,
		`grant usage on schema shadow to public`, `grant select on shadow.started to public`,
		`create function shadow.pg_postmaster_start_time() returns timestamptz language sql as 'select at from shadow.started'`,
	} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	cfg := ingest.PoolConfig(2)
	staging := cfg.AfterConnect
	cfg.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		if err := staging(ctx, c); err != nil {
			return err
		}
		_, err := c.Exec(ctx, `set search_path = shadow, pg_catalog, `+pg.SearchPath)
		return err
	}
	proxy, pool := h.through(cfg)
	outages := 0
	p := h.pipelineOn(pool, ingest.Config{RetryFirst: time.Millisecond, OnOutage: func(error) { outages++ }})
	n := 0
	// load imports another SBOM with the same package and says whether its row was sent.
	load := func() bool {
		t.Helper()
		sent := false
		proxy.Fail(func(s pgproxy.Statement) string {
			sent = sent || s.Is("insert into vex.package ") || strings.Contains(s.SQL, "t_package")
			return ""
		})
		n++
		if c := h.run(p, h.list(sbom(fmt.Sprint("app", n), serial(n), "2026-01-01T00:00:00Z", "pkg:npm/left-pad@1.0.0"))); c.Accepted != 1 {
			t.Fatalf("%+v", c)
		}
		return sent
	}
	lose := func() { // what the other server never got
		t.Helper()
		for _, table := range []string{"vex.package", "vex.package_key"} {
			if _, err := admin.Exec(t.Context(), `delete from `+table); err != nil {
				t.Fatal(err)
			}
		}
	}
	const there = `select count(*) from vex.package where purl = 'pkg:npm/left-pad@1.0.0'`
	if !load() {
		t.Error("the package was not sent")
	}
	wantCount(h, 1, there)
	if load() {
		t.Error("the package was sent twice: nothing is remembered, and nothing is tested here")
	}

	lose()
	proxy.Sever()
	time.Sleep(50 * time.Millisecond)
	load()
	wantCount(h, 1, there)
	if outages == 0 {
		t.Error("there was no outage")
	}

	load()
	lose()
	seen := outages
	if _, err := admin.Exec(t.Context(), `update shadow.started set at = at + interval '1 minute'`); err != nil {
		t.Fatal(err)
	}
	load()
	wantCount(h, 1, there)
	if outages != seen {
		t.Error("there was an outage")
	}
	if load() {
		t.Error("nothing is remembered of the new server")
	}
}
