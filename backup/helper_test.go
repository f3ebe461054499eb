package backup

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/backup/storage"
	"sluice/internal/embedpg"
)

func TestMain(m *testing.M) {
	embedpg.Main()
	if spec := os.Getenv(envChild); spec != "" {
		os.Exit(childMain(spec))
	}
	os.Exit(m.Run())
}

// fast is for servers whose power is not cut.
var fast = map[string]string{"fsync": "off", "shared_buffers": "16MB", "max_wal_size": "256MB"}

// tempHome is a folder that the server's user can reach, unlike t.TempDir's.
func tempHome(t testing.TB) string {
	t.Helper()
	home, err := os.MkdirTemp("", "sluice-backup-*")
	if err == nil {
		err = os.Chmod(home, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	return home
}

// world is a server with a table, and a store for its backups.
type world struct {
	testing.TB
	server *embedpg.Server
	db     *pgx.Conn
	cfg    Config
	dir    string // of the store
	key    string // file of the identity
	run0   Backup // the first one
}

func start(t testing.TB, home string) *embedpg.Server {
	t.Helper()
	server, err := embedpg.Start(t.Context(), embedpg.Config{Home: home, Settings: fast, Linger: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_ = server.WaitStopped(ctx)
	})
	return server
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, server: start(t, tempHome(t)), dir: filepath.Join(t.TempDir(), "store"), key: filepath.Join(t.TempDir(), "key")}
	recipient, err := NewKey(w.key)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ReadKeys([]string{recipient}, w.key)
	if err != nil {
		t.Fatal(err)
	}
	store, err := storage.OpenFolder(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	w.db = connect(t, w.server.AdminURL())
	w.cfg = Config{URL: w.server.AdminURL(), Store: store, Keys: keys, Program: "test", Patience: 20 * time.Second}
	w.exec(`create table t (i int primary key, s text)`)
	return w
}

func (w *world) exec(sql string, args ...any) {
	w.Helper()
	if _, err := w.db.Exec(w.Context(), sql, args...); err != nil {
		w.Fatalf("%s: %v", sql, err)
	}
}

// insert adds a number of rows in one transaction and returns a moment after it and before the next.
func (w *world) insert(n int) time.Time {
	w.Helper()
	w.exec(`insert into t select coalesce((select max(i) from t), 0) + g, repeat(md5(g::text), 20) from generate_series(1, $1) g`, n)
	return one[time.Time](w, w.db, `select clock_timestamp()`)
}

func one[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func (w *world) run() Backup {
	w.Helper()
	b, err := Run(w.Context(), w.cfg)
	if err != nil {
		w.Fatal(err)
	}
	return b
}

func (w *world) archive() LSN {
	w.Helper()
	at, err := ArchiveAll(w.Context(), w.cfg)
	if err != nil {
		w.Fatal(err)
	}
	return at
}

func (w *world) verify() (Verified, error) {
	return Verify(w.Context(), w.cfg.Store, w.cfg.Keys, "", "")
}

// restore starts a server at a target and returns a connection to it.
func (w *world) restore(target Target) (*pgx.Conn, embedpg.Recovered) {
	w.Helper()
	home := tempHome(w)
	got, err := w.restoreTo(home, target)
	if err != nil {
		w.Fatal(err)
	}
	return connect(w, start(w, home).AdminURL()), got
}

func (w *world) restoreTo(home string, target Target) (embedpg.Recovered, error) {
	s, err := Find(w.Context(), w.cfg.Store, w.cfg.Keys, "", "", target)
	if err != nil {
		return embedpg.Recovered{}, err
	}
	return embedpg.Recover(w.Context(), embedpg.Config{Home: home}, embedpg.Recovery{
		Superuser: s.Backup.Superuser, Settings: s.Settings(),
		Fill: func(data, beside string) error { _, err := s.Fill(w.Context(), data, beside); return err },
	})
}

func rows(t testing.TB, conn *pgx.Conn) string {
	return one[string](t, conn, `select format('%s rows, %s', count(*), md5(string_agg(i || s, ',' order by i))) from t`)
}
