package authority

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"regexp"
	"sync"
	"testing"
	"time"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// TestQueriesPrepare plans every statement of sql/ as the maintainer, who runs them all.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	dbtest.Plan(t, sqlFiles, dbtest.New(t).Conn(t, pg.Maintainer), nil)
}

// desk is an authority with its database and its log.
type desk struct {
	*Authority
	db   *dbtest.DB
	acme id.ID
	log  *log
}

// log keeps what was logged.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *log) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.buf.Reset()
	return l.buf.String()
}

func newDesk(t testing.TB, cfg Config) *desk {
	t.Helper()
	d := &desk{db: dbtest.New(t), log: &log{}}
	d.acme = d.db.Tenant(t, "acme")
	cfg.Logger = slog.New(slog.NewTextHandler(d.log, nil))
	a, err := New(d.db.Pool(t, pg.Maintainer, PoolConfig()), cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.Authority = a
	return d
}

// user makes a user of acme with roles.
func (d *desk) user(t testing.TB, u User) User {
	t.Helper()
	u, err := d.AddUser(t.Context(), d.acme, u)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// token makes a token of a user of acme.
func (d *desk) token(t testing.TB, user string, life time.Duration, scopes ...Permission) (Token, string) {
	t.Helper()
	n := NewToken{User: user, Scopes: scopes}
	if life != 0 {
		n.For = &life
	}
	k, text, err := d.AddToken(t.Context(), d.acme, n)
	if err != nil {
		t.Fatal(err)
	}
	return k, text
}

// ask asks for a permission with a credential.
func (d *desk) ask(t testing.TB, credential string, needs Permission) (context.Context, Decision, error) {
	t.Helper()
	return d.Decide(t.Context(), Request{Credential: credential, Needs: needs, What: "a test"})
}

var aReference = regexp.MustCompile(`reference [0-9a-f]{12}`)

// strangers checks that all of these are refused in the same words, each for its reason in the log.
func (d *desk) strangers(t *testing.T, tenant string, cases map[string]struct{ credential, reason string }) {
	t.Helper()
	said := map[string]string{}
	for name, c := range cases {
		d.log.take()
		ctx, decision, err := d.Decide(t.Context(), Request{Credential: c.credential, Tenant: tenant, Needs: Read, What: "a test"})
		var refused *RefusedError
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, acts := pg.ActorOf(ctx); acts || decision.Tenant != (id.ID{}) {
			t.Errorf("%s: somebody acts: %+v", name, decision)
		}
		said[aReference.ReplaceAllString(err.Error(), "")] += name + " "
		logged := d.log.take()
		if !regexp.MustCompile(c.reason).MatchString(logged) || !bytes.Contains([]byte(logged), []byte(refused.Reference)) {
			t.Errorf("%s: the log has %q, want %s and the reference %s", name, logged, c.reason, refused.Reference)
		}
		if c.credential != "" && bytes.Contains([]byte(logged), []byte(c.credential)) {
			t.Errorf("%s: the log shows the credential: %s", name, logged)
		}
	}
	if len(said) != 1 {
		t.Errorf("refusals can be told apart: %v", said)
	}
}
