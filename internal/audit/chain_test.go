package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

// TestQueriesPrepare plans every statement of sql/ as the maintainer, who runs them all.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	dbtest.Plan(t, sqlFiles, dbtest.New(t).Conn(t, pg.Maintainer), nil)
}

// note appends n entries of a tenant, each in its own transaction.
func note(t *testing.T, pool *pgxpool.Pool, tenant id.ID, n int) {
	t.Helper()
	for i := range n {
		err := pg.Tenant(t.Context(), pool, tenant, func(tx pgx.Tx) error {
			return Note(t.Context(), tx, tenant, Entry{Action: "test.change", Entity: "thing", Of: &tenant, Diff: Change(i, i+1)})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func verified(t *testing.T, pool *pgxpool.Pool, tenant id.ID, anchors ...Anchor) Report {
	t.Helper()
	r, err := Verify(t.Context(), pool, tenant, anchors)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// TestLine: the line of an entry is JSON that holds all of it, the same by the database's function and
// by our statement whatever the session's settings, and its SHA-256 is the entry's hash and the next
// one's prev.
func TestLine(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme, admin := db.Tenant(t, "acme"), db.Admin(t)
	exec(t, admin, `insert into authority.audit_log (tenant_id, actor_id, action, entity_type, entity_id, at, diff) values
		($1, $1, 'vex.decide', 'vex_decision', $1, '2026-02-28 23:59:59.1234+05', '{"b": 1.10, "a": "\"\u00e9\n", "c": null}'),
		($1, null, E'a"b\\c\n\u0001\u2028<&>/', '', null, 'infinity', '[1e400, {}]'),
		($1, null, 'x', 'y', null, '0044-03-15 00:00:00+00 BC', '"text"'),
		($1, null, 'x', 'y', null, '12026-01-01 00:00:00+00', 'null')`, acme)
	type row struct {
		Seq        int64
		Line       string
		Prev, Hash string
	}
	rows, err := admin.Query(t.Context(), `select seq, line, prev, hash from authority.audit_trail where tenant_id = $1 order by seq`, acme)
	if err != nil {
		t.Fatal(err)
	}
	trail, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil || len(trail) != 4 {
		t.Fatalf("%d lines, %v", len(trail), err)
	}
	conn := db.Conn(t, pg.Reader)
	exec(t, conn, `set datestyle = 'german'; set timezone = 'Asia/Tokyo'; set bytea_output = 'escape'`)
	var ours []entry
	err = read(t.Context(), conn, acme, func(tx pgx.Tx) error {
		return eachLine(t.Context(), tx, acme, 0, math.MaxInt64, func(e entry) error { ours = append(ours, e); return nil })
	})
	if err != nil || len(ours) != 4 {
		t.Fatalf("%d lines, %v", len(ours), err)
	}
	prev := strings.Repeat("0", 64)
	for i, r := range trail {
		sum := sha256.Sum256([]byte(r.Line))
		if *ours[i].line != r.Line || hex.EncodeToString(sum[:]) != r.Hash || r.Prev != prev || r.Seq != int64(i+1) {
			t.Errorf("entry %d: prev %s, hash %s\n%s\n%s", r.Seq, r.Prev, r.Hash, r.Line, *ours[i].line)
		}
		prev = r.Hash
		if !json.Valid([]byte(r.Line)) {
			t.Errorf("not JSON: %s", r.Line)
		}
	}
	want := `{"seq":1,"prev":"` + strings.Repeat("0", 64) + `","tenant_id":"` + acme.String() + `","id":"` + ours[0].id.String() +
		`","at":"2026-02-28T18:59:59.1234Z","login":"` + admin.Config().User + `","actor_id":"` + acme.String() + `","action":"vex.decide","entity_type":"vex_decision","entity_id":"` + acme.String() +
		`","diff":{"a": "\"é\n", "b": 1.10, "c": null}}`
	if trail[0].Line != want {
		t.Errorf("got  %s\nwant %s", trail[0].Line, want)
	}
	for i, at := range map[int]string{1: `"at":"infinityZ"`, 2: `"at":"0044-03-15T00:00:00 BCZ"`, 3: `"at":"12026-01-01T00:00:00Z"`} {
		if !strings.Contains(trail[i].Line, at) {
			t.Errorf("no %s in %s", at, trail[i].Line)
		}
	}
	if r := verified(t, db.Pool(t, pg.Reader), acme); r.Fault != nil || r.Entries != 4 || r.Hash.String() != prev {
		t.Errorf("%+v", r)
	}
}

// TestConcurrentWriters: whoever writes at the same time, in transactions of one tenant or of several in
// whatever order, with or without savepoints and roll-backs: no chain forks, nobody deadlocks, nothing is lost.
// SLUICE_WRITERS says how many.
func TestConcurrentWriters(t *testing.T) {
	t.Parallel()
	writers, err := strconv.Atoi(os.Getenv("SLUICE_WRITERS"))
	if err != nil {
		writers = 100
	}
	db := dbtest.New(t)
	tenants := []id.ID{db.Tenant(t, "acme"), db.Tenant(t, "rival"), db.Tenant(t, "third")}
	pool, err := pg.Open(t.Context(), db.URL, pg.Ingest, pg.Config{MaxConns: 25})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	broken := errors.New("rolled back on purpose")
	var running sync.WaitGroup
	var want [3]int64
	for w := range writers {
		order := []int{0} // the first tenant is in all of them
		switch w % 4 {
		case 1:
			order = []int{1, 0, 2}
		case 2:
			order = []int{2, 0, 1}
		}
		if w%10 != 9 {
			for _, k := range order {
				want[k] += 2
			}
		}
		running.Go(func() {
			ctx := t.Context()
			err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
				for _, k := range append(order, order...) {
					if err := pg.SetTenant(ctx, tx, tenants[k]); err != nil {
						return err
					}
					err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
						return Note(ctx, tx, tenants[k], Entry{Action: "test.change", Entity: "thing", Diff: Change(w, nil)})
					})
					if err != nil {
						return err
					}
					_ = pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { // leaves nothing behind
						_ = Note(ctx, tx, tenants[k], Entry{Action: "test.nothing", Entity: "thing"})
						return broken
					})
				}
				if w%10 == 9 {
					return broken
				}
				return nil
			})
			if err != nil && (w%10 != 9 || !errors.Is(err, broken)) {
				t.Errorf("writer %d: %v", w, err)
			}
		})
	}
	running.Wait()
	for k, tenant := range tenants {
		r := verified(t, db.Pool(t, pg.Reader), tenant)
		if r.Fault != nil || r.Entries != want[k] || r.Last != want[k] {
			t.Errorf("tenant %d: %+v, want %d entries", k, r, want[k])
		}
	}
}

// TestLockIsTakenLast: a transaction that has written to the log holds up no other one before its end.
func TestLockIsTakenLast(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme, pool := db.Tenant(t, "acme"), db.Pool(t, pg.Ingest)
	note(t, pool, acme, 1)
	slow, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Rollback(context.Background()) }()
	if err := pg.SetTenant(t.Context(), slow, acme); err != nil {
		t.Fatal(err)
	}
	if err := Note(t.Context(), slow, acme, Entry{Action: "test.slow", Entity: "thing"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err = pg.Tenant(ctx, pool, acme, func(tx pgx.Tx) error { return Note(ctx, tx, acme, Entry{Action: "test.quick", Entity: "thing"}) })
	if err != nil {
		t.Fatalf("the second writer waits for the first: %v", err)
	}
	if err := slow.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := List(t.Context(), db.Pool(t, pg.Reader), acme, Filter{Action: "test", Limit: 2})
	if err != nil || len(list) != 2 || list[0].Action != "test.slow" || list[0].Seq != 3 || list[1].Action != "test.quick" {
		t.Errorf("%+v, %v", list, err)
	}
	// Another deferred check at the same moment could wait for locks while the chain is held.
	var others []string
	err = db.Admin(t).QueryRow(t.Context(), `select coalesce(array_agg(conname::text), '{}') from pg_constraint where condeferrable and conname <> 'audit_log_chain'`).Scan(&others)
	if err != nil || len(others) > 0 {
		t.Errorf("other deferrable constraints: %s, %v; docs/design has why there may be none", others, err)
	}
}

// TestVerify: what somebody does who is above all rules is named, with the entry and the reason.
func TestVerify(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pool, reader, admin := db.Pool(t, pg.Ingest), db.Pool(t, pg.Reader), db.Admin(t)
	exec(t, admin, `set session_replication_role = replica`) // no trigger fires
	const entry4 = `(select audit_id from authority.audit_chain where tenant_id = $1 and seq = 4)`
	for _, tc := range []struct {
		name   string
		sql    []string
		seq    int64
		kind   string
		why    string
		anchor bool // found by the anchor only
	}{
		{"untouched", nil, 0, "", "", false},
		{"diff", []string{`update authority.audit_log set diff = '{"after": 9}' where id = ` + entry4}, 4, Edited, "its hash is", false},
		{"actor", []string{`update authority.audit_log set actor_id = tenant_id where id = ` + entry4}, 4, Edited, "its hash is", false},
		{"era", []string{`update authority.audit_log set at = '2026-01-01 BC' where id = ` + entry4}, 4, Edited, "its hash is", false},
		{"infinity", []string{`update authority.audit_log set at = 'infinity' where id = ` + entry4}, 4, Edited, "its hash is", false},
		{"login", []string{`update authority.audit_chain set login = 'mallory' where tenant_id = $1 and seq = 4`}, 4, Edited, "its hash is", false},
		{"hash", []string{`update authority.audit_chain set hash = sha256('x') where tenant_id = $1 and seq = 4`}, 4, Edited, "its hash is", false},
		{"row and hash", []string{
			`update authority.audit_log set diff = '{}' where id = ` + entry4,
			`update authority.audit_chain c set hash = sha256(convert_to(authority.audit_line(c.seq, c.prev, c.login, l), 'UTF8')) from authority.audit_log l where c.tenant_id = $1 and c.seq = 4 and l.id = c.audit_id`,
		}, 5, Edited, "the hash of the entry before", false},
		{"other tenant", []string{`update authority.audit_log set tenant_id = gen_random_uuid() where id = ` + entry4}, 4, Missing, "the log does not have it", false},
		{"row", []string{`delete from authority.audit_log where id = ` + entry4}, 4, Missing, "the log does not have it", false},
		{"row and link", []string{`delete from authority.audit_log where id = ` + entry4, `delete from authority.audit_chain where tenant_id = $1 and seq = 4`}, 4, Missing, "goes on with entry 5", false},
		{"first link", []string{`delete from authority.audit_chain where tenant_id = $1 and seq = 1`}, 1, Missing, "goes on with entry 2", false},
		{"last row and link", []string{
			`delete from authority.audit_log where id = (select audit_id from authority.audit_chain where tenant_id = $1 and seq = 6)`,
			`delete from authority.audit_chain where tenant_id = $1 and seq = 6`,
		}, 6, Missing, "its head says 6", false},
		{"last row link and head", []string{
			`delete from authority.audit_log where id = (select audit_id from authority.audit_chain where tenant_id = $1 and seq = 6)`,
			`delete from authority.audit_chain where tenant_id = $1 and seq = 6`,
			`update authority.audit_head set (seq, hash) = (select seq, hash from authority.audit_chain where tenant_id = $1 and seq = 5) where tenant_id = $1`,
		}, 6, Missing, "there were 6", true},
		{"all of it", []string{
			`delete from authority.audit_log where tenant_id = $1`, `delete from authority.audit_chain where tenant_id = $1`, `delete from authority.audit_head where tenant_id = $1`,
		}, 1, Missing, "there were 6", true},
		{"last rewritten", []string{
			`update authority.audit_log set diff = '{}' where id = (select audit_id from authority.audit_chain where tenant_id = $1 and seq = 6)`,
			`update authority.audit_chain c set hash = sha256(convert_to(authority.audit_line(c.seq, c.prev, c.login, l), 'UTF8')) from authority.audit_log l where c.tenant_id = $1 and c.seq = 6 and l.id = c.audit_id`,
			`update authority.audit_head set hash = (select hash from authority.audit_chain where tenant_id = $1 and seq = 6) where tenant_id = $1`,
		}, 6, Edited, "written anew", true},
		{"put in", []string{`insert into authority.audit_log (tenant_id, action, entity_type, diff) values ($1, 'vex.decide', 'vex_decision', '{}')`}, 0, Inserted, "the chain does not", false},
		{"put at the end", []string{
			`insert into authority.audit_log (tenant_id, action, entity_type, diff) values ($1, 'vex.decide', 'vex_decision', '{}')`,
			`insert into authority.audit_chain select l.tenant_id, 7, l.id, null, c.hash, sha256(convert_to(authority.audit_line(7, c.hash, null, l), 'UTF8'))
			 from authority.audit_log l, authority.audit_chain c where l.tenant_id = $1 and l.action = 'vex.decide' and c.tenant_id = $1 and c.seq = 6`,
		}, 7, Inserted, "the head of the chain says", false},
		{"fork", []string{
			`update authority.audit_chain set prev = (select hash from authority.audit_chain where tenant_id = $1 and seq = 2) where tenant_id = $1 and seq = 4`,
		}, 4, Forked, "it goes on from entry 2, not from entry 3", false},
		{"two of a number", []string{
			`alter table authority.audit_chain drop constraint audit_chain_pkey`,
			`insert into authority.audit_chain select tenant_id, seq, gen_random_uuid(), login, prev, hash from authority.audit_chain where tenant_id = $1 and seq = 4`,
		}, 4, Forked, "two entries of that number", false},
	} {
		t.Run(strings.ReplaceAll(tc.name, " ", "_"), func(t *testing.T) {
			tenant := db.Tenant(t, strings.ReplaceAll(tc.name, " ", "-"))
			note(t, pool, tenant, 6)
			was := verified(t, reader, tenant)
			if was.Fault != nil || was.Entries != 6 {
				t.Fatalf("before: %+v", was)
			}
			anchor := Anchor{TenantID: tenant, Seq: was.Last, Hash: was.Hash}
			for _, sql := range tc.sql {
				if strings.Contains(sql, "$1") {
					exec(t, admin, sql, tenant)
				} else {
					exec(t, admin, sql)
				}
			}
			if r := verified(t, reader, tenant); tc.anchor != (r.Fault == nil) && tc.kind != "" {
				t.Errorf("without an anchor: %+v", r.Fault)
			}
			r := verified(t, reader, tenant, anchor)
			switch {
			case tc.kind == "":
				if r.Fault != nil {
					t.Errorf("%v", r.Fault)
				}
			case r.Fault == nil || r.Fault.Seq != tc.seq || r.Fault.Kind != tc.kind || !strings.Contains(r.Fault.Why, tc.why):
				t.Errorf("%+v, want entry %d %s: … %s …", r.Fault, tc.seq, tc.kind, tc.why)
			}
			if _, _, err := Export(t.Context(), reader, tenant, "", 0, 0, io.Discard); (err != nil) != (tc.kind != "" && tc.kind != Inserted && !tc.anchor && tc.name != "last row and link") {
				t.Errorf("export: %v", err)
			}
		})
	}
}

// TestRetire: the oldest entries go to a file that verifies on its own, the rest of the chain verifies
// without them, and together they are one chain. Whatever is done to the file is named.
func TestRetire(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme, pool, admin := db.Tenant(t, "acme"), db.Pool(t, pg.Maintainer), db.Admin(t)
	// Times are not in the order of the chain: the third is newer than the fourth.
	for _, age := range []string{"400 days", "390 days", "1 day", "380 days", "0"} {
		exec(t, admin, `insert into authority.audit_log (tenant_id, at, action, entity_type, diff) values ($1, now() - $2::text::interval, 'test.change', 'thing', '{}')`, acme, age)
	}
	before := verified(t, pool, acme)
	folder := t.TempDir()
	cutoff := time.Now().AddDate(0, 0, -30)

	exec(t, admin, `update authority.tenant set settings = '{"legal_hold": true}' where tenant_id = $1`, acme)
	var wrong *ask.WrongError
	if _, err := Retire(t.Context(), pool, acme, "acme", cutoff, folder, false); !errors.As(err, &wrong) {
		t.Errorf("under legal hold: %v", err)
	}
	exec(t, admin, `update authority.tenant set settings = '{}' where tenant_id = $1`, acme)
	if r, err := Retire(t.Context(), pool, acme, "acme", cutoff, folder, true); err != nil || r.Entries != 2 || r.Last != 2 {
		t.Errorf("dry run: %+v, %v", r, err)
	}
	done, err := Retire(t.Context(), pool, acme, "acme", cutoff, folder, false)
	if err != nil || done.Entries != 2 || done.First != 1 || done.Last != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	if again, err := Retire(t.Context(), pool, acme, "acme", cutoff, folder, false); err != nil || again.File != "" {
		t.Errorf("again: %+v, %v", again, err)
	}
	rest := verified(t, pool, acme, Anchor{TenantID: acme, Seq: before.Last, Hash: before.Hash}, Anchor{TenantID: acme, Seq: 2, Hash: done.Hash}, Anchor{TenantID: acme, Seq: 1, Hash: done.Hash})
	if rest.Fault != nil || rest.Cut != 2 || rest.Entries != 4 || rest.Last != 6 || len(rest.Unchecked) != 1 { // and the entry about the cut
		t.Errorf("%+v", rest)
	}
	if r := verified(t, pool, acme, Anchor{TenantID: acme, Seq: 2, Hash: before.Hash}); r.Fault == nil || r.Fault.Seq != 2 {
		t.Errorf("another hash at the cut: %+v", r)
	}
	if list, err := List(t.Context(), pool, acme, Filter{Action: "audit.retire"}); err != nil || len(list) != 1 || !strings.Contains(string(list[0].Diff), done.Hash.String()) {
		t.Errorf("%+v, %v", list, err)
	}
	// What was not cut off stays, for its owner and for a superuser too.
	for _, sql := range []string{`delete from authority.audit_log`, `delete from authority.audit_chain`, `delete from authority.audit_cut`, `delete from authority.audit_head`, `truncate authority.audit_chain`} {
		if _, err := admin.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "23001") {
			t.Errorf("%s: %v", sql, err)
		}
	}

	first, err := os.ReadFile(done.File)
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, ".audit*")); len(left) > 0 {
		t.Errorf("left behind: %s", left)
	}
	var second bytes.Buffer
	if _, n, err := Export(t.Context(), pool, acme, "acme", 0, 0, &second); err != nil || n != 4 {
		t.Fatalf("%d entries, %v", n, err)
	}
	verify := func(files ...string) FileReport {
		t.Helper()
		var readers []io.Reader
		for _, f := range files {
			readers = append(readers, strings.NewReader(f))
		}
		r, err := VerifyFile(readers, []Anchor{{TenantID: acme, Seq: before.Last, Hash: before.Hash}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := verify(string(first), second.String()); r.Fault != nil || r.Entries != 6 || r.First != 1 || r.Hash != rest.Hash || r.TenantID != acme {
		t.Errorf("%+v", r)
	}
	if r := verify(second.String()); r.Fault != nil || r.First != 3 || r.Prev != done.Hash {
		t.Errorf("%+v", r)
	}
	lines := strings.SplitAfter(second.String(), "\n")
	join := func(lines ...string) string { return strings.Join(lines, "") }
	for name, tc := range map[string]struct {
		files []string
		seq   int64
		kind  string
	}{
		"edited":      {[]string{join(lines[0], strings.Replace(lines[1], "thing", "think", 1), lines[2], lines[3], lines[4])}, 4, Edited},
		"last edited": {[]string{join(lines[0], lines[1], lines[2], strings.Replace(lines[3], "audit.retire", "audit.nothing", 1), lines[4])}, 6, Edited},
		"missing":     {[]string{join(lines[0], lines[2], lines[3], lines[4])}, 4, Missing},
		"cut short":   {[]string{join(lines[0], lines[1], lines[2], lines[3])}, 7, Missing},
		"without end": {[]string{join(lines[0], lines[1], lines[2], lines[4])}, 6, Missing},
		"twice":       {[]string{join(lines[0], lines[1], lines[1], lines[2], lines[3], lines[4])}, 4, Forked},
		"wrong order": {[]string{second.String(), string(first)}, 1, Forked},
		"empty":       {[]string{""}, 1, Missing},
	} {
		if r := verify(tc.files...); r.Fault == nil || r.Fault.Seq != tc.seq || r.Fault.Kind != tc.kind {
			t.Errorf("%s: %+v, want entry %d %s", name, r.Fault, tc.seq, tc.kind)
		}
	}
	if _, err := VerifyFile([]io.Reader{strings.NewReader("hello\n")}, nil); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("no export: %v", err)
	}
}

// TestList: each filter alone.
func TestList(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme, admin := db.Tenant(t, "acme"), db.Admin(t)
	exec(t, admin, `insert into authority."user" (id, tenant_id, subject) values ($1, $1, 'alice')`, acme)
	exec(t, admin, `insert into authority.audit_log (tenant_id, at, actor_id, action, entity_type, entity_id, diff) values
		($1, '2026-01-01', $1, 'vex.decide', 'vex_decision', null, '1'), ($1, '2026-01-02', null, 'vex.withdraw', 'vex_decision', $1, '2'),
		($1, '2026-01-03', null, 'vexing', 'thing', null, '3'), (gen_random_uuid(), now(), $1, 'vex.decide', 'vex_decision', $1, '4')`, acme)
	day := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for want, f := range map[string]Filter{
		"3 2 1 ": {}, "2 1 ": {Action: "vex"}, "2 ": {Action: "vex.withdraw"}, "3 ": {Entity: "thing"}, " 2 ": {Of: &acme}, "1 ": {Actor: "alice"}, " 1 ": {Actor: acme.String()},
		" 3 2 ": {Since: &day}, "  1 ": {Until: &day}, "3 2 ": {After: 1}, "  3 ": {Limit: 1}, "": {Actor: "bob"},
	} {
		list, err := List(t.Context(), db.Pool(t, pg.Reader), acme, f)
		got := ""
		for _, l := range list {
			got += string(l.Diff) + " "
			if (l.Actor == "alice") != (string(l.Diff) == "1") {
				t.Errorf("actor of %s: %q", l.Diff, l.Actor)
			}
		}
		if err != nil || strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%+v: %s, want %s (%v)", f, got, want, err)
		}
	}
}

// TestReadAnchors: one object per line; what is none is named by its line.
func TestReadAnchors(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("ab", 32)
	good := fmt.Sprintf(`{"tenant_id":"%s","tenant":"x","seq":7,"hash":"%s","at":"2026-01-02T03:04:05Z"}`, id.Operator, hash)
	list, err := ReadAnchors(strings.NewReader(good + "\n\n" + good))
	if err != nil || len(list) != 2 || list[1].Seq != 7 || list[0].Hash.String() != hash || list[0].taken() != "the anchor of 2026-01-02T03:04:05Z" {
		t.Errorf("%+v, %v", list, err)
	}
	for _, bad := range []string{"x", `{"seq":1}`, `{"tenant_id":"` + id.Operator.String() + `","seq":1,"hash":"abc"}`} {
		if _, err := ReadAnchors(strings.NewReader(good + "\n" + bad)); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
