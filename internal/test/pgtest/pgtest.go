// Package pgtest gives every test a database of its own, with all migrations
// applied, in some ten milliseconds.
//
//	func TestMain(m *testing.M) {
//		pgtest.Main(m, migrations.Hash(), migrations.Up)
//	}
//
//	func TestIngest(t *testing.T) {
//		t.Parallel()
//		pool, err := pgxpool.New(t.Context(), pgtest.DB(t))
//		…
//	}
//
// All test binaries of one `go test ./...` share one embedded server, started by
// the first test that needs it. The migrations run once into a template
// database, named after the key; DB clones it. Connections are made as the
// application's role, which row security binds; AdminURL is for what a test has
// to arrange or look at as superuser.
//
// The shared server forgets about durability for speed. A test that kills or
// restarts servers asks for one of its own with Private, which is as durable as
// the real one.
//
// TEST_DATABASE_URL names another server to use (a superuser's URL, PostgreSQL
// 16 or later); SLUICE_TEST_HOME another folder for the shared one, which is
// sluice/test in the user's cache folder otherwise.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/embedpg"
)

// Migrate brings an empty database up to date. It is given the URL of the
// application's role, which owns the database.
type Migrate func(ctx context.Context, url string) error

// startTimeout covers a first download on a slow line.
const startTimeout = 5 * time.Minute

// shared is what all tests of this process use.
var shared struct {
	key     string
	migrate Migrate

	once   sync.Once
	err    error
	server *embedpg.Server // nil with TEST_DATABASE_URL
	admin  *url.URL        // superuser; the path is replaced
	app    *url.Userinfo   // the application's role
	pool   *pgxpool.Pool   // superuser, database postgres
}

// Main runs the tests of a package and ends the process; call it as the only
// thing in TestMain. The key names the template database and must change
// whenever migrate would do something else: a hash of the migration files. A nil
// migrate leaves the databases empty. The server is not started before a test
// asks for it.
func Main(m *testing.M, key string, migrate Migrate) {
	embedpg.Main()
	shared.key, shared.migrate = key, migrate
	code := m.Run()
	if shared.pool != nil {
		shared.pool.Close()
	}
	if shared.server != nil {
		shared.server.Close()
	}
	os.Exit(code)
}

// DB creates a migrated database for one test and returns the URL of the
// application's role. It is dropped when the test ends, whoever still uses it.
func DB(t testing.TB) string {
	t.Helper()
	if err := ready(); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	name, err := clone(ctx)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return cleanedUp(t, name)
}

// cleanedUp is the URL of a database, which is dropped when the test ends.
func cleanedUp(t testing.TB, name string) string {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := drop(ctx, name); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return withUser(name, shared.app)
}

// Empty creates a database without anything in it, for a test of migrations, and returns
// the URL of the application's role, which owns it. The roles that migrations make belong
// to the server and may be there.
func Empty(t testing.TB) string {
	t.Helper()
	if err := ready(); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	name := cloneName()
	if _, err := shared.pool.Exec(ctx, `create database `+name+` template template0 encoding 'UTF8' owner `+shared.app.Username()); err != nil {
		t.Fatalf("pgtest: create database: %v", err)
	}
	return cleanedUp(t, name)
}

// AdminURL is the superuser's URL of a database, given by name or by any URL
// that leads to it, such as DB's.
func AdminURL(t testing.TB, db string) string {
	t.Helper()
	if err := ready(); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	if u, err := url.Parse(db); err == nil && u.Scheme != "" {
		db = u.Path[min(1, len(u.Path)):]
	}
	return withUser(db, shared.admin.User)
}

// Private starts a server that only this test uses, with the settings of a real
// one, and stops and removes it when the test ends. The database is empty: run
// the migrations on its URL. It takes about a second.
func Private(t testing.TB, configure ...func(*embedpg.Config)) *embedpg.Server {
	t.Helper()
	// Not t.TempDir: that is closed to the user that the server runs as when
	// root runs the tests.
	home, err := os.MkdirTemp("", "sluice-private-*")
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(home); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	cfg := embedpg.Config{Home: home, Linger: -1}
	for _, f := range configure {
		f(&cfg)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	server, err := embedpg.Start(ctx, cfg)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(server.Close(), server.WaitStopped(ctx)); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return server
}

// ready starts or finds the server and its template, once per process, and
// makes sure on every call that the server is still there.
func ready() error {
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		shared.err = connect(ctx)
	})
	if shared.err != nil || shared.server == nil {
		return shared.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return shared.server.Ensure(ctx)
}

func connect(ctx context.Context) error {
	var err error
	if own := os.Getenv("TEST_DATABASE_URL"); own != "" {
		if shared.admin, err = url.Parse(own); err != nil || shared.admin.Host == "" {
			return errors.New("TEST_DATABASE_URL must be like postgres://superuser:password@host:5432/postgres")
		}
		// Derived, so that all test processes agree without talking.
		shared.app = url.UserPassword("sluice_test", digest(own))
	} else {
		if shared.server, err = startShared(ctx); err != nil {
			return err
		}
		if shared.admin, err = url.Parse(shared.server.AdminURL()); err != nil {
			return err
		}
		app, err := url.Parse(shared.server.URL())
		if err != nil {
			return err
		}
		shared.app = app.User
	}
	cfg, err := pgxpool.ParseConfig(withUser("postgres", shared.admin.User))
	if err != nil {
		return fmt.Errorf("TEST_DATABASE_URL: %w", err)
	}
	cfg.MaxConns = 4
	if shared.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return err
	}
	return prepare(ctx)
}

// startShared starts or joins the shared server. Without fsync its data do not
// survive a power cut; nothing in them is of worth, so it then begins anew.
func startShared(ctx context.Context) (*embedpg.Server, error) {
	home, err := sharedHome()
	if err != nil {
		return nil, err
	}
	server, err := embedpg.Start(ctx, sharedConfig(home))
	if err == nil || ctx.Err() != nil {
		return server, err
	}
	if removeErr := embedpg.Remove(ctx, sharedConfig(home)); removeErr != nil && !errors.Is(removeErr, embedpg.ErrInUse) {
		return nil, err
	}
	return embedpg.Start(ctx, sharedConfig(home))
}

// sharedHome is the shared server's folder. All test processes must find the same,
// so its name can be guessed; it is made sure that it is ours.
func sharedHome() (string, error) {
	if home := os.Getenv("SLUICE_TEST_HOME"); home != "" {
		return home, nil
	}
	var tried error
	if cache, err := os.UserCacheDir(); err == nil {
		home := filepath.Join(cache, "sluice", "test")
		if tried = embedpg.PrivateDir(home); tried == nil {
			return home, nil
		}
	}
	// A user without a home of their own, as in many a container.
	home := filepath.Join(os.TempDir(), fmt.Sprintf("sluice-test-%d", os.Getuid()))
	if err := embedpg.PrivateDir(home); err != nil {
		return "", fmt.Errorf("no folder for the server of the tests: %w; set SLUICE_TEST_HOME to one of yours", errors.Join(tried, err))
	}
	return home, nil
}

func sharedConfig(home string) embedpg.Config {
	return embedpg.Config{
		Home: home,
		// From one test binary to the next, with a compilation in between.
		Linger: 15 * time.Second,
		Settings: map[string]string{
			"fsync":              "off",
			"synchronous_commit": "off",
			"full_page_writes":   "off",
			"max_connections":    "200",
			"shared_buffers":     "128MB",
			"max_wal_size":       "1GB",
		},
	}
}

func withUser(database string, user *url.Userinfo) string {
	u := *shared.admin
	u.User, u.Path = user, "/"+database
	return u.String()
}
