package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/authority"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/serve"
)

// commands are all commands that do something, with those that cobra adds.
func commands() []*cobra.Command {
	root := newRoot(&app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	var out []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		// The group of completion is made by cobra and does nothing either.
		if c.Runnable() && c.Annotations[onlyGroups] == "" && c.CommandPath() != "sluice completion" {
			out = append(out, c)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return out
}

// TestEveryCommandNeeds: each command says what it takes, and nothing else does.
func TestEveryCommandNeeds(t *testing.T) {
	t.Parallel()
	var paths []string
	known := append(authority.AllPermissions(), authority.Anyone, authority.Open)
	for _, c := range commands() {
		path := c.CommandPath()
		paths = append(paths, path)
		if need, ok := needs[path]; !ok || !slices.Contains(known, need) {
			t.Errorf("`%s` takes %q: say in needs.go what it takes of whoever shows a token", path, need)
		}
	}
	if len(paths) < 60 {
		t.Fatalf("there are only %d commands", len(paths))
	}
	for path := range needs {
		if !slices.Contains(paths, path) {
			t.Errorf("there is no command `%s` any more", path)
		}
	}
}

// TestAccessNamesCommands: docs/access.md has each command of a tenant beside what it takes; all
// others are the operator's there.
func TestAccessNamesCommands(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]authority.Permission{} // by command, or by its group and …
	for _, p := range []authority.Permission{authority.Read, authority.Ingest, authority.Decide, authority.Admin} {
		_, row, ok := strings.Cut(string(b), "\n| `"+string(p)+"` | ")
		if !ok {
			t.Fatalf("docs/access.md has no row of %s", p)
		}
		row, _, _ = strings.Cut(row, "\n")
		for i, word := range strings.Split(row, "`") {
			if i%2 == 1 {
				said["sluice "+word] = p
			}
		}
	}
	named := map[string]bool{}
	for path, need := range needs {
		group, _, _ := strings.Cut(strings.TrimPrefix(path, "sluice "), " ")
		as := path
		if _, ok := said[as]; !ok {
			as = "sluice " + group + " …"
		}
		named[as] = true
		of, ok := said[as]
		inTenant := slices.Contains([]authority.Permission{authority.Read, authority.Ingest, authority.Decide, authority.Admin}, need)
		if inTenant && of != need || ok && !inTenant && need == authority.Operate {
			t.Errorf("`%s` takes %s, and docs/access.md says %q", path, need, of)
		}
	}
	for as := range said {
		if !named[as] {
			t.Errorf("docs/access.md has `%s`, which is no command", as)
		}
	}
}

// tokenFile keeps a new token of a user who may all, in a file.
func tokenFile(t *testing.T, auth *authority.Authority, tenant id.ID, scopes ...authority.Permission) string {
	t.Helper()
	subject, role := "user of "+string(scopes[0]), "admin"
	if tenant == id.Operator {
		role = "operator"
	}
	if _, err := auth.AddUser(t.Context(), tenant, authority.User{Subject: subject, Roles: []string{role}}); err != nil {
		t.Fatal(err)
	}
	_, text, err := auth.AddToken(t.Context(), tenant, authority.NewToken{User: subject, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// admitted asks whether a command may go on, without running it. shared is the database where it is
// connected to already; nil: the command connects as it does in earnest.
func admitted(t *testing.T, shared *serve.Database, path string, flags ...string) (*cobra.Command, error) {
	t.Helper()
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}
	root := newRoot(a)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	cmd, _, err := root.Find(strings.Fields(path)[1:])
	if err != nil || cmd.CommandPath() != path {
		t.Fatalf("%s: %v", path, err)
	}
	cmd.SetContext(t.Context())
	if err := cmd.ParseFlags(append(flags, "--log-level", "error")); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if shared == nil {
		defer a.close()
		return cmd, root.PersistentPreRunE(cmd, nil)
	}
	if err := a.configure(cmd); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	own, done := shared.Apart()
	defer done()
	a.db = own
	return cmd, a.admit(cmd)
}

// TestScopeReadOpensNothingElse: a token of somebody who may all, with the scope read, lets in to
// every command that reads and to no other, by no flag either. One with the scope operate, of
// the operator, lets in to what is his and to nothing of a tenant's.
func TestScopeReadOpensNothingElse(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: calls every command; TestEveryCommandNeeds looks at the table")
	}
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	auth, err := authority.New(db.Pool(t, pg.Maintainer), authority.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	reads := tokenFile(t, auth, acme, authority.Read)
	operates := tokenFile(t, auth, id.Operator, authority.Operate)
	shared := serve.NewDatabase(serve.DatabaseConfig{URL: db.URL})
	defer shared.Close()
	if err := shared.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	in := func(path, file string, flags ...string) bool {
		cmd, err := admitted(t, shared, path, append(flags, "--database-url", db.URL, "--token-file", file)...)
		var missing *authority.MissingError
		if err != nil && !errors.As(err, &missing) {
			t.Errorf("`%s` with %s: %v", path, flags, err)
		}
		if _, acts := pg.ActorOf(cmd.Context()); acts != (err == nil && needs[path] != authority.Open && !slices.Contains(standing, path)) {
			t.Errorf("`%s`: somebody acts: %v, and the error is %v", path, acts, err)
		}
		return err == nil
	}
	widened := 0
	tried := map[authority.Permission]bool{} // with the operator's token: one command of each is enough
	for _, c := range commands() {
		path := c.CommandPath()
		need := needs[path]
		anybody := need == authority.Open || need == authority.Anyone
		if got, want := in(path, reads), anybody || need == authority.Read; got != want {
			t.Errorf("`%s`, which takes %s, lets the scope read in: %v", path, need, got)
		}
		if !tried[need] {
			tried[need] = true
			if got, want := in(path, operates), anybody || need == authority.Operate; got != want {
				t.Errorf("`%s`, which takes %s, lets the operator's scope operate in: %v", path, need, got)
			}
		}
		c.InheritedFlags() // from here on they are among its own
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if need != authority.Open && slices.Contains(widens, f.Name) {
				widened++
				value := "true"
				if f.Value.Type() != "bool" {
					value = acme.String()
				}
				if in(path, reads, "--"+f.Name+"="+value) {
					t.Errorf("`%s --%s` lets the scope read in", path, f.Name)
				}
			}
		})
	}
	if widened < 10 {
		t.Errorf("only %d flags widen a command", widened)
	}
}

// TestWideningByEnvironment: a flag counts wherever its value comes from.
func TestWideningByEnvironment(t *testing.T) {
	db := dbtest.New(t)
	auth, err := authority.New(db.Pool(t, pg.Maintainer), authority.Config{})
	if err != nil {
		t.Fatal(err)
	}
	file := tokenFile(t, auth, db.Tenant(t, "acme"), authority.Read)
	t.Setenv("SLUICE_SHARED", "true")
	var missing *authority.MissingError
	if _, err := admitted(t, nil, "sluice parked list", "--database-url", db.URL, "--token-file", file); !errors.As(err, &missing) || missing.Needs != authority.Operate {
		t.Errorf("SLUICE_SHARED=true: %v", err)
	}
}
