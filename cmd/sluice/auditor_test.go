package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"

	"sluice/authority"
	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
)

// auditorAsks is what an auditor asks by each command that reads: a call that says something, and a word of it.
var auditorAsks = map[string]struct{ args, says string }{
	"sluice artifact diff":      {"pkg:npm/%40example-works/storefront@2.4.0 pkg:golang/example.com/works/router@v1.4.0", "CVE-"},
	"sluice artifact list":      {"", "storefront"},
	"sluice artifact show":      {"pkg:npm/%40example-works/storefront@2.4.0", "versions"},
	"sluice audit export":       {"", "tenant.create"},
	"sluice audit list":         {"", "tenant.auditor"},
	"sluice audit verify":       {"", `"ok":true`},
	"sluice document export":    {"DOCUMENT", "storefront"},
	"sluice document list":      {"", "cyclonedx-json"},
	"sluice document quality":   {"", "storefront"},
	"sluice document show":      {"DOCUMENT", "content_hash"},
	"sluice document warnings":  {"DOCUMENT", "["},
	"sluice findings":           {"", "CVE-2099-1001"},
	"sluice findings why":       {"--vuln CVE-2099-1001 --package pkg:npm/lodash@4.17.20", "history"},
	"sluice flag eval":          {"receipts", "on"},
	"sluice flag history":       {"", "["},
	"sluice flag list":          {"", "receipts"},
	"sluice limit list":         {"", "["},
	"sluice limit show":         {"", "["},
	"sluice match":              {"pkg:npm/lodash@4.17.20", "CVE-2099-1001"},
	"sluice notify rule list":   {"", "chat"},
	"sluice notify rule show":   {"chat", "chat"},
	"sluice notify failed list": {"", "["},
	"sluice parked list":        {"", "nul-character"},
	"sluice parked show":        {"1", "bomFormat"},
	"sluice report":             {"", "CVE-2099-1001"},
	"sluice triage":             {"", "CVE-2099-1001"},
	"sluice runs list":          {"", "documents"},
	"sluice runs show":          {"2", "accepted"},
	"sluice feeds":              {"", "ghsa"},
	"sluice unknowns":           {"", "radio-blob"},
	"sluice vex history":        {"", "["},
	"sluice vex list":           {"", "not_affected"},
}

// TestAuditor: with the login of `tenant create --reader` every command that reads answers about that
// tenant without being told which, and none changes anything or looks further.
func TestAuditor(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	sluice := func(url, line string) (string, string, int) {
		t.Helper()
		var stdout, stderr strings.Builder
		status := run(t.Context(), append(strings.Fields(line), "--database-url", url, "--log-level", "error"), strings.NewReader(""), &stdout, &stderr)
		return stdout.String(), stderr.String(), status
	}
	must := func(line string) string {
		t.Helper()
		out, wrong, status := sluice(db.URL, line)
		if status != 0 && status != 3 {
			t.Fatalf("sluice %s: %d: %s", line, status, wrong)
		}
		return out
	}
	must("ingest file ../../fixtures/feed --shared")
	must("ingest file ../../fixtures/documents --tenant example --create-tenant --wait")
	must("tenant create rival")
	must("notify rule add chat --topic --tenant example")
	var made struct {
		User     string `json:"database_user"`
		Password string `json:"database_password"`
	}
	if err := json.Unmarshal([]byte(must("tenant create example --if-not-exists --reader --output json")), &made); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(made.User, made.Password)
	var documents []struct {
		ID       string `json:"document_id"`
		Artifact string `json:"artifact"`
	}
	if err := json.Unmarshal([]byte(must("document list --tenant example --output json")), &documents); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(documents, func(d struct {
		ID       string `json:"document_id"`
		Artifact string `json:"artifact"`
	},
	) bool {
		return strings.Contains(d.Artifact, "storefront")
	})
	inShort := []string{"sluice findings", "sluice document export", "sluice vex list", "sluice audit verify"}
	for path, need := range needs {
		ask, ok := auditorAsks[path]
		if reads := need == authority.Read; reads != (ok || path == "sluice runs tail" || slices.Contains(notForAuditors, path)) {
			t.Errorf("`%s` takes %s, and auditorAsks has it: %v", path, need, ok)
		}
		if !ok || brief.Run(t) && !slices.Contains(inShort, path) {
			continue
		}
		line := strings.TrimPrefix(path, "sluice ") + " " + strings.Replace(ask.args, "DOCUMENT", documents[i].ID, 1)
		if path != "sluice document export" && path != "sluice parked show" && path != "sluice audit export" {
			line += " --output json"
		}
		out, wrong, status := sluice(u.String(), line)
		if status != 0 || !strings.Contains(out, ask.says) {
			t.Errorf("sluice %s: %d, %q is not in\n%s%s", line, status, ask.says, out, wrong)
		}
		if path == "sluice findings" || path == "sluice document export" {
			if theirs := must(line + " --tenant example"); theirs != out {
				t.Errorf("sluice %s: the auditor sees\n%s\nand the operator\n%s", line, out, theirs)
			}
		}
	}
	for _, c := range []struct {
		line, says string
		status     int
	}{
		{"findings --tenant rival", "reads tenant example and no other", 1},
		{"findings --tenant nobody", "reads tenant example and no other", 1},
		{"runs list --shared", "--shared: the login " + made.User + " reads what is of tenant example and nothing else", 2},
		{"audit verify --all-tenants", "--all-tenants: the login", 2},
		{"vex decide --vuln CVE-2099-1001 --package pkg:npm/lodash@4.17.20 --status fixed", "changes nothing", 2},
		{"ingest file ../../fixtures/documents", "changes nothing", 2},
		{"jobs list", "is not for the login", 2},
		{"tenant list", "is not for the login", 2},
		{"migrate up", "is not for the login", 2},
	} {
		if out, wrong, status := sluice(u.String(), c.line); status != c.status || !strings.Contains(wrong, c.says) || out != "" {
			t.Errorf("sluice %s: %d, want %d and %q: %s%s", c.line, status, c.status, c.says, out, wrong)
		}
	}
	// The recipe of docs/tables.md: with psql alone the bytes are what their hash says.
	page, err := os.ReadFile("../../docs/tables.md")
	if err != nil {
		t.Fatal(err)
	}
	recipe := regexp.MustCompile(`-Atc "(select translate.*?) where content_hash`).FindStringSubmatch(string(page))
	if recipe == nil {
		t.Fatal("docs/tables.md has no recipe for the bytes of an original")
	}
	conn, err := pgx.Connect(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var text, encoding string
	var hash []byte
	encodings := map[string]int{}
	rows, err := conn.Query(t.Context(), strings.Replace(recipe[1], "select ", "select content_hash, encoding, ", 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pgx.ForEachRow(rows, []any{&hash, &encoding, &text}, func() error {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err == nil && encoding == "zstd" {
			var d *zstd.Decoder
			if d, err = zstd.NewReader(nil); err == nil {
				raw, err = d.DecodeAll(raw, nil)
			}
		}
		if sum := sha256.Sum256(raw); err != nil || !bytes.Equal(sum[:], hash) {
			t.Errorf("an original in %s is not what its hash says: %v", encoding, err)
		}
		encodings[encoding]++
		return nil
	}); err != nil || encodings["zstd"] == 0 || encodings["identity"] == 0 {
		t.Errorf("originals by SQL: %v, %v", encodings, err)
	}
	if _, wrong, status := sluice(u.String(), "findings --tenant example"); status != 0 {
		t.Errorf("his own tenant by name: %d %s", status, wrong)
	}
}
