package main

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"sluice/internal/embedpg"
	"sluice/internal/test/brief"
	"sluice/internal/test/brokertest"
	"sluice/internal/test/dbtest"
)

// TestMain makes the test binary the program itself when it is called by that name.
func TestMain(m *testing.M) {
	embedpg.Main()
	if filepath.Base(os.Args[0]) == "sluice" {
		os.Exit(realMain())
	}
	dbtest.Main(m)
}

// sluiceIn puts the program into a folder for PATH.
func sluiceIn(t testing.TB, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "sluice")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestScripts runs testdata/script/*.txtar. Each has a database of its own on the server
// that all tests share; embedded.txtar starts its own server instead.
//
// Beyond testscript's commands there are:
//
//	status N COMMAND...   run it, and it ends with this status
//	keys FILE KEY...      the last line is a JSON object (or an array of them) with these keys
//	get FILE PATH WANT    the value at a.b.0 of the last line, as JSON or bare text; len is the length
//	rows FILE N           it is CSV with so many rows under its head
//	sha256 FILE HASH      its hash, after "sha256:" where that is given
//	setenv NAME FILE PATH the value at PATH, into the environment
//	kafka                 a Kafka, in SLUICE_KAFKA_BROKERS, and a prefix that no other script has, in SLUICE_TOPIC_PREFIX
//	sql FILE              runs the statements of a file as superuser
//	writeurl FILE [FILE]  the URL of the database, or what is left of it when its password goes into the second
//	receiver              a server that takes webhooks, in RECEIVER: appends them to the file received, answers the status in the file answer
//	emptydb               a database that nobody migrated, in SLUICE_DATABASE_URL
func TestScripts(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	bin := t.TempDir()
	sluiceIn(t, bin)
	fixtures, err := filepath.Abs("../../fixtures")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".txtar")
		if brief.Run(t) && !slices.Contains([]string{"ingest", "findings", "parked", "usage"}, name) {
			continue // a process for every line; most of what they run is in the tests of the rooms, too
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			embedded := name == "embedded"
			if embedded && brief.Run(t) {
				t.Skip("short: starts a server of its own")
			}
			db := (*dbtest.DB)(nil)
			if !embedded {
				db = dbtest.New(t)
			}
			testscript.RunT(oneScript{t}, testscript.Params{
				Files: []string{script},
				Setup: func(env *testscript.Env) error {
					env.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
					env.Setenv("FIXTURES", fixtures)
					if embedded {
						return embeddedEnv(t, env)
					}
					env.Setenv("SLUICE_DATABASE_URL", db.URL)
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"status": cmdStatus, "keys": cmdKeys, "get": cmdGet, "rows": cmdRows, "sha256": cmdSHA256, "setenv": cmdSetenv,
					"receiver": func(ts *testscript.TestScript, _ bool, _ []string) { startReceiver(t, ts) },
					"kafka":    func(ts *testscript.TestScript, _ bool, _ []string) { startBroker(t, ts) },
					"writeurl": func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(writeURL(ts, db.URL, args)) },
					"sql":      func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(asAdmin(db, ts.ReadFile(args[0]))) },
					"emptydb":  func(ts *testscript.TestScript, _ bool, _ []string) { ts.Setenv("SLUICE_DATABASE_URL", emptyDB(t, db)) },
				},
			})
		})
	}
}

// oneScript runs a script as the test itself and not as a subtest of the same name.
type oneScript struct{ *testing.T }

func (o oneScript) Run(_ string, f func(testscript.T)) { f(o) }
func (o oneScript) Parallel()                          {}
func (o oneScript) Verbose() bool                      { return testing.Verbose() }

// embeddedEnv gives the script a home that the server's user can reach, when root runs the tests.
func embeddedEnv(t *testing.T, env *testscript.Env) error {
	home, err := os.MkdirTemp("", "sluice-script-*")
	if err != nil {
		return err
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	if err := os.Chmod(home, 0o755); err != nil {
		return err
	}
	cache := os.Getenv("SLUICE_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		cache = filepath.Join(dir, "sluice")
	}
	env.Setenv("SLUICE_HOME", filepath.Join(home, "sluice"))
	env.Setenv("SLUICE_CACHE", cache)
	env.Setenv("SLUICE_EMBEDDED_LINGER", "2s")
	return nil
}

func startBroker(t *testing.T, ts *testscript.TestScript) {
	t.Helper()
	c := brokertest.New(t)
	ts.Setenv("SLUICE_KAFKA_BROKERS", c.Addr())
	ts.Setenv("SLUICE_TOPIC_PREFIX", c.Prefix(t))
}

// startReceiver starts a server that takes webhooks.
func startReceiver(t *testing.T, ts *testscript.TestScript) {
	t.Helper()
	received, answer := ts.MkAbs("received"), ts.MkAbs("answer")
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		f, err := os.OpenFile(received, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(f, "%s %s id=%s signed=%t %s\n", r.Method, r.URL, r.Header.Get("webhook-id"), r.Header.Get("webhook-signature") != "", body)
		if text, err := os.ReadFile(answer); err == nil {
			status, _ := strconv.Atoi(strings.TrimSpace(string(text)))
			w.WriteHeader(status)
		}
	}))
	t.Cleanup(s.Close)
	ts.Setenv("RECEIVER", s.URL)
}

// asAdmin runs a statement as superuser.
func asAdmin(db *dbtest.DB, sql string) error {
	conn, err := pgx.Connect(context.Background(), db.AdminURL)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), sql)
	return err
}

// writeURL writes a URL into a file, its password into a second one.
func writeURL(ts *testscript.TestScript, full string, files []string) error {
	u, err := url.Parse(full)
	if err != nil {
		return err
	}
	if len(files) > 1 {
		password, _ := u.User.Password()
		if err := os.WriteFile(ts.MkAbs(files[1]), []byte(password+"\n"), 0o600); err != nil {
			return err
		}
		u.User = url.User(u.User.Username())
	}
	return os.WriteFile(ts.MkAbs(files[0]), []byte(u.String()+"\n"), 0o600)
}

func emptyDB(t *testing.T, db *dbtest.DB) string {
	t.Helper()
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/") + "_empty"
	admin := db.Admin(t)
	if _, err := admin.Exec(t.Context(), `create database `+name+` template template0 owner `+u.User.Username()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		admin, err := pgx.Connect(ctx, db.AdminURL)
		if err == nil {
			defer admin.Close(ctx)
			_, err = admin.Exec(ctx, `drop database `+name+` with (force)`)
		}
		if err != nil {
			t.Error(err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	ts.Logf("[stdout]\n%s[stderr]\n%s", ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("status %d, want %s", got, args[0])
	}
}

// lastLine is the JSON of the last line of a file.
func lastLine(ts *testscript.TestScript, file string) any {
	lines := strings.Split(strings.TrimSpace(ts.ReadFile(file)), "\n")
	d := json.NewDecoder(strings.NewReader(lines[len(lines)-1]))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		ts.Fatalf("%s: %v: %s", file, err, lines[len(lines)-1])
	}
	return v
}

func cmdKeys(ts *testscript.TestScript, neg bool, args []string) {
	list, ok := lastLine(ts, args[0]).([]any)
	if !ok {
		list = []any{lastLine(ts, args[0])}
	}
	if len(list) == 0 {
		ts.Fatalf("%s: an empty array", args[0])
	}
	for _, v := range list {
		object, ok := v.(map[string]any)
		if !ok {
			ts.Fatalf("%s: not an object: %v", args[0], v)
		}
		for _, key := range args[1:] {
			if _, ok := object[key]; ok == neg {
				ts.Fatalf("%s: key %s in %v: %v", args[0], key, object, ok)
			}
		}
	}
}

// valueAt walks a path like a.b.0.
func valueAt(ts *testscript.TestScript, file, path string) string {
	v := lastLine(ts, file)
	for _, part := range strings.Split(path, ".") {
		switch now := v.(type) {
		case map[string]any:
			if part == "len" {
				return strconv.Itoa(len(now))
			}
			var ok bool
			if v, ok = now[part]; !ok {
				ts.Fatalf("%s: no %s of %s in %v", file, part, path, now)
			}
		case []any:
			if part == "len" {
				return strconv.Itoa(len(now))
			}
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(now) {
				ts.Fatalf("%s: no element %s of %s in %v", file, part, path, now)
			}
			v = now[i]
		default:
			ts.Fatalf("%s: nothing under %s of %s", file, part, path)
		}
	}
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	ts.Check(err)
	return string(b)
}

func cmdGet(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: get FILE PATH WANT")
	}
	if got := valueAt(ts, args[0], args[1]); (got == args[2]) == neg {
		ts.Fatalf("%s: %s is %s, want %s", args[0], args[1], got, args[2])
	}
}

func cmdSetenv(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: setenv NAME FILE PATH")
	}
	ts.Setenv(args[0], valueAt(ts, args[1], args[2]))
}

func cmdRows(ts *testscript.TestScript, _ bool, args []string) {
	all, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	if got := strconv.Itoa(len(all) - 1); got != args[1] {
		ts.Fatalf("%s: %s rows, want %s", args[0], got, args[1])
	}
}

func cmdSHA256(ts *testscript.TestScript, _ bool, args []string) {
	if got := fmt.Sprintf("%x", sha256.Sum256([]byte(ts.ReadFile(args[0])))); got != strings.TrimPrefix(args[1], "sha256:") {
		ts.Fatalf("%s: %s, want %s", args[0], got, args[1])
	}
}

// TestEveryCommandHasHelp walks all commands: each says what it is for, and each that does
// something shows an example or takes no arguments.
func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	root := newRoot(&app{})
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
		if c.Short == "" {
			t.Errorf("%s has no description", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			if sub.Short == "" {
				t.Errorf("%s has no description", sub.CommandPath())
			}
		}
	}
	for _, want := range []string{"ingest", "project", "findings", "match", "unknowns", "vex", "parked", "jobs", "document", "tenant", "migrate", "bench", "version"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no command %s", want)
		}
	}
}
