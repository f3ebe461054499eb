package notify

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/secret"
	"sluice/internal/test/dbtest"
	"sluice/render/notice"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// world is a database with a tenant, and findings that nobody projected.
type world struct {
	db    *dbtest.DB
	admin *pgx.Conn
	relay *pgxpool.Pool
	store *Store
	acme  id.ID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db := dbtest.New(t)
	return &world{db: db, admin: db.Admin(t), relay: db.Pool(t, pg.Relay), store: NewStore(db.Pool(t, pg.Maintainer)), acme: db.Tenant(t, "acme")}
}

func (w *world) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := w.admin.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func query[T any](t *testing.T, w *world, sql string, args ...any) []T {
	t.Helper()
	rows, err := w.admin.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return list
}

// finding is an open finding to be.
type finding struct {
	artifact, pkg, vuln, severity string
	aliases                       []string
	at                            string // SQL; now() where it is ""
}

func (w *world) open(t *testing.T, tenant id.ID, list ...finding) {
	t.Helper()
	b := &pgx.Batch{}
	for _, f := range list {
		if f.at == "" {
			f.at = "clock_timestamp()"
		}
		if f.aliases == nil {
			f.aliases = []string{}
		}
		b.Queue(`insert into vex.open_findings (tenant_id, artifact_purl, artifact_id, package_purl, package_id, vuln_id, severity, aliases, evidence, first_seen)
			values ($1, $2, $3, $4, $5, $6, $7, $8, '{}', `+f.at+`)`,
			tenant, f.artifact, id.Derive(tenant, "artifact", f.artifact), f.pkg, id.Derive(tenant, "package", f.pkg), f.vuln, f.severity, f.aliases)
	}
	if err := w.admin.SendBatch(t.Context(), b).Close(); err != nil {
		t.Fatal(err)
	}
}

// close closes a finding as the projector does.
func (w *world) close(t *testing.T, tenant id.ID, f finding) {
	t.Helper()
	artifact, pkg := id.Derive(tenant, "artifact", f.artifact), id.Derive(tenant, "package", f.pkg)
	w.exec(t, `delete from vex.open_findings where tenant_id = $1 and artifact_id = $2 and package_id = $3 and vuln_id = $4`, tenant, artifact, pkg, f.vuln)
	w.tell(t, tenant, f, "closed")
	w.exec(t, `insert into artifact.artifact (tenant_id, id, purl) values ($1, $2, $3) on conflict do nothing`, tenant, artifact, f.artifact)
	w.exec(t, `insert into vex.package (tenant_id, id, purl, type, name) values ($1, $2, $3, 'npm', 'a') on conflict do nothing`, tenant, pkg, f.pkg)
}

// tell writes the history of a finding.
func (w *world) tell(t *testing.T, tenant id.ID, f finding, event string) {
	t.Helper()
	w.exec(t, `insert into vex.finding_history (tenant_id, artifact_purl, artifact_id, package_id, vuln_id, event, reason) values ($1, $2, $3, $4, $5, $6, 'the component is gone')`,
		tenant, f.artifact, id.Derive(tenant, "artifact", f.artifact), id.Derive(tenant, "package", f.pkg), f.vuln, event)
}

// add adds a rule and returns it with its secret.
func (w *world) add(t *testing.T, tenant id.ID, r NewRule) (Rule, secret.Secret) {
	t.Helper()
	if r.Name == "" {
		r.Name = "r"
	}
	if r.Every == 0 {
		r.Every = 1
	}
	rule, key, err := w.store.Add(t.Context(), tenant, r)
	if err != nil {
		t.Fatal(err)
	}
	return rule, key
}

// notifier is one that this machine's receivers can be reached from, and that has no patience.
func (w *world) notifier(change ...func(*Config)) *Notifier {
	cfg := Config{
		Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Poll: 20 * time.Millisecond, Timeout: 5 * time.Second,
		Waits: []time.Duration{time.Millisecond}, Lease: 2 * time.Second,
	}
	for _, f := range change {
		f(&cfg)
	}
	return New(w.relay, cfg)
}

// once looks and sends.
func (w *world) once(t *testing.T, change ...func(*Config)) Tally {
	t.Helper()
	tally, err := w.notifier(change...).Once(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

// got is a request that a receiver took.
type got struct {
	header http.Header
	body   []byte
}

// receiver is a server that keeps what it is sent.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	all    []got
	answer func(http.ResponseWriter, *http.Request)
}

func newReceiver(t *testing.T, answer func(http.ResponseWriter, *http.Request)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.all = append(r.all, got{req.Header, body})
		r.mu.Unlock()
		if r.answer != nil {
			r.answer(w, req)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) requests() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got(nil), r.all...)
}

// data is what a message in JSON says.
func (g got) data(t *testing.T) notice.Data {
	t.Helper()
	var body struct {
		Type string      `json:"type"`
		Data notice.Data `json:"data"`
	}
	if err := json.Unmarshal(g.body, &body); err != nil || body.Type != notice.Type {
		t.Fatalf("%s: %v", g.body, err)
	}
	return body.Data
}

// told are the vulnerabilities that a request tells of, by event.
func (g got) told(t *testing.T) string {
	t.Helper()
	var out []string
	d := g.data(t)
	for _, group := range []*notice.GroupData{d.Opened, d.Closed} {
		if group == nil {
			continue
		}
		for _, f := range group.First {
			out = append(out, f.Event+" "+f.Vulnerability)
		}
	}
	return strings.Join(out, ", ")
}

// last is what the newest request tells of, of so many.
func (r *receiver) last(t *testing.T, n int) string {
	t.Helper()
	all := r.requests()
	if len(all) != n {
		t.Fatalf("%d requests, want %d", len(all), n)
	}
	return all[n-1].told(t)
}

// running runs a notifier until the test ends or stop is called.
func running(t *testing.T, n *Notifier) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != context.Canceled {
			t.Errorf("the notifier ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// until waits for something that is to happen soon.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: it does not happen", what)
		}
	}
}
