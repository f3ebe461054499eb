package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/test/bouncertest"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/pgtest"
)

// inProcess runs a command in this process.
func inProcess(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

// TestThroughAPooler: with PgBouncer's defaults everything works, from an empty database on;
// where it shares sessions out nothing begins, and the message says what to change.
func TestThroughAPooler(t *testing.T) {
	t.Parallel()
	through := bouncertest.Start(t, pgtest.Empty(t))
	fixtures, err := filepath.Abs("../../fixtures")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		args string
		says string
	}{
		{"migrate up", "core_v001_base"},
		{"migrate verify", "up to date"},
		{"tenant create acme", "acme"},
		{"ingest file " + fixtures + "/feed --shared", ""},
		{"ingest file " + fixtures + "/documents --tenant acme --wait", ""},
		{"findings --tenant acme", "CVE-"},
		{"maintain", ""},
		{"partitions maintain", ""},
		{"migrate up", "nothing to apply"},
	} {
		status, stdout, stderr := inProcess(t, append(strings.Fields(step.args), "--database-url", through)...)
		if status != 0 && status != 3 || !strings.Contains(stdout+stderr, step.says) {
			t.Fatalf("%s: status %d\n%s%s", step.args, status, stdout, stderr)
		}
	}

	db := dbtest.New(t)
	shared := bouncertest.Start(t, db.URL, "pool_mode = transaction")
	for _, args := range []string{"migrate up", "migrate verify", "findings", "ingest file " + fixtures + "/documents", "serve --listen 127.0.0.1:0", "project", "maintain", "partitions status", "tenant list"} {
		status, stdout, stderr := inProcess(t, append(strings.Fields(args), "--database-url", shared, "--log-level", "error")...)
		if status != 1 || stdout != "" || !strings.Contains(stderr, "pool_mode = session") || strings.Contains(stderr, "waiting") {
			t.Errorf("%s: status %d\n%s%s", args, status, stdout, stderr)
		}
	}
}
