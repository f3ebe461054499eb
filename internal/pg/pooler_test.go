package pg_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/debpkg"
)

// pooler starts PgBouncer before a database, in session mode, with credentials of its own: who
// comes is "pooled" with one password, who goes on to the server is the user of the URL with
// another. It returns the URL that leads through it.
func pooler(t *testing.T, db *dbtest.DB) string {
	t.Helper()
	files := debpkg.Dir(t, "pgbouncer", "libevent-2.1-7", "libc-ares2")
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	dir, err := os.MkdirTemp("", "sluice-pooler-*") // not t.TempDir: where root runs the tests it is closed to the pooler's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	config := fmt.Sprintf(`[databases]
%s = host=127.0.0.1 port=%s user=%s password='%s'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
pool_mode = session
auth_type = scram-sha-256
auth_file = %s/users
`, strings.TrimPrefix(u.Path, "/"), u.Port(), u.User.Username(), password, port, dir)
	for name, text := range map[string]string{"pgbouncer.ini": config, "users": `"pooled" "of-the-pooler"` + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// The cache may be closed to the pooler's user.
	if out, err := exec.Command("sh", "-c", `cp "$1"/usr/sbin/pgbouncer "$1"/usr/lib/*-linux-gnu*/lib*.so* "$2"`, "sh", files, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(filepath.Join(dir, "pgbouncer"), filepath.Join(dir, "pgbouncer.ini"))
	cmd.Env = []string{"LD_LIBRARY_PATH=" + dir}
	if os.Geteuid() == 0 { // which it refuses to be
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := exec.Command("chown", "-R", "65534:65534", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
			break
		}
		select {
		case <-ended:
			t.Fatalf("PgBouncer ended: %s", said.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("PgBouncer does not listen: %s", said.String())
		}
	}
	u.User, u.Host = url.UserPassword("pooled", "of-the-pooler"), "127.0.0.1:"+port
	return u.String()
}

// TestPooler: through a pooler in session mode, with credentials of its own, a connection has its
// role, its tenant and its settings, and leaves none of them to the next one.
func TestPooler(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	through := pooler(t, db)
	for range 2 { // the second one is given the first one's connection to the server
		pool, err := pg.Open(t.Context(), through, pg.Ingest, pg.Config{MaxConns: 1, StatementTimeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"search_path": pg.SearchPath, "role": "sluice_ingest", "jit": "off", "plan_cache_mode": "force_custom_plan", "random_page_cost": "1.1",
			"statement_timeout": "1min", "idle_in_transaction_session_timeout": "5min", "TimeZone": "UTC",
		} {
			if got := value(t, pool, `select current_setting($1)`, name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		err = pg.Tenant(t.Context(), pool, acme, func(tx pgx.Tx) error {
			if got := value(t, tx, `select core.current_tenant()::text`); got != acme.String() {
				t.Errorf("the tenant is %s", got)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		pool.Close()
	}
	conn, err := pg.Connect(t.Context(), through, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if got := value(t, conn, `select current_user || ' ' || coalesce(current_setting('app.tenant_id', true), '')`); strings.TrimSpace(got) != value(t, db.Conn(t, ""), `select current_user::text`) {
		t.Errorf("the one before has left %q", got)
	}
	u, err := url.Parse(through)
	if err != nil {
		t.Fatal(err)
	}
	own, _ := url.Parse(db.URL)
	u.User = own.User
	if _, err := pg.Connect(t.Context(), u.String(), nil); pg.FaultOf(err) != pg.FaultDefect {
		t.Errorf("the server's credentials at the pooler: %v is %q", err, pg.FaultOf(err))
	}
}
