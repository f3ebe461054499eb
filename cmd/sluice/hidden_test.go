package main

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
)

// hush is in every secret of TestSecretsStayHidden.
const hush = "hush-hush"

// secretive calls a command with every secret that its flags take, each in the place that the flags
// name, and every URL that may hold a password with one.
func secretive(t *testing.T, cmd *cobra.Command, dir, databaseURL string) []string {
	t.Helper()
	args := append(strings.Fields(cmd.CommandPath())[1:], with[cmd.CommandPath()]...)
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if !strings.HasPrefix(word, "[") && with[cmd.CommandPath()] == nil {
			args = append(args, "x")
		}
	}
	file := func(name, value string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cmd.InheritedFlags() // from here on they are among its own
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch of := f.Annotations; {
		case of[urlFile] != nil:
			to := of[urlFile][0]
			u := databaseURL
			if to != "database-url" {
				u = "redis://user:" + hush + "-" + to + "@127.0.0.1:1/0"
			}
			args = append(args, "--"+to, u)
		case f.Name == "database-password-file": // its URL has one
		case of[secretFile] != nil && !slices.Contains(args, "--"+of[secretFile][0]+"-command"):
			args = append(args, "--"+f.Name, file(of[secretFile][0], hush+"-"+of[secretFile][0]))
		case f.Name == "brokers":
			args = append(args, "--brokers", "127.0.0.1:1")
		case f.Name == "kafka-sasl":
			args = append(args, "--kafka-sasl", "plain", "--kafka-username", "u")
		case f.Name == "listen":
			args = append(args, "--listen", "127.0.0.1:0")
		}
	})
	return append(args, "--log-level", "debug")
}

// TestSecretsStayHidden: no command shows a secret, at any level of the log, where the database is
// gone and where it refuses the password.
func TestSecretsStayHidden(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: runs every command")
	}
	right, err := url.Parse(dbtest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	refused := *right
	refused.User = url.UserPassword(right.User.Username(), hush+"-refused")
	dir := t.TempDir()
	home := t.TempDir()
	refusals := 0
	for _, cmd := range commands() {
		for _, databaseURL := range []string{"postgres://sluice:" + hush + "-gone@127.0.0.1:1/sluice", refused.String()} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second) // those that wait for the database
			var stdout, stderr strings.Builder
			args := append(secretive(t, cmd, dir, databaseURL), "--home", home)
			run(ctx, args, strings.NewReader(""), &stdout, &stderr)
			cancel()
			out := stdout.String() + stderr.String()
			if strings.Contains(out, hush) {
				t.Errorf("sluice %s shows a secret: %s", strings.Join(args, " "), out)
			}
			if strings.Contains(out, "connection refused") || strings.Contains(out, "password authentication failed") {
				refusals++
			}
		}
	}
	if refusals < 80 {
		t.Errorf("only %d calls came as far as the server", refusals)
	}
}
