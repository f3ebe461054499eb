package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/authority"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/issuertest"
)

// refusal is all that whoever is refused reads, the log included.
var refusal = regexp.MustCompile(`^sluice: the credential is not accepted \(reference [0-9a-f]{12}\); who runs Sluice finds the reason in the log under the reference\n$`)

// TestSignedTokenOnTheCommandLine: somebody whom an issuer vouches for decides, and is on record.
func TestSignedTokenOnTheCommandLine(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	issuer := issuertest.New(t)
	auth, err := authority.New(db.Pool(t, pg.Maintainer), authority.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ana, err := auth.AddUser(t.Context(), db.Tenant(t, "acme"), authority.User{Subject: "ana", Issuer: issuer.URL, Roles: []string{"admin"}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, config := filepath.Join(dir, "token"), filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, []byte("database-url: "+db.URL+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sluice := func(claims issuertest.Claims, args ...string) (status int, out, complaint string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(issuer.Token(t, claims)), 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		args = append(args, "--config", config, "--tenant", "acme", "--token-file", file, "--oidc-issuer", issuer.URL, "--oidc-audience", "sluice", "--output", "json")
		status = run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
		return status, stdout.String(), stderr.String()
	}
	hers := issuertest.Claims{"sub": "ana", "aud": "sluice"}
	status, out, complaint := sluice(hers, "auth", "whoami")
	var self authority.Self
	if err := json.Unmarshal([]byte(out), &self); err != nil || status != 0 || self.Name != "ana" || self.Tenant != "acme" || self.Expires == nil {
		t.Fatalf("%d %s %s %v", status, out, complaint, err)
	}
	if status, _, complaint := sluice(hers, "auth", "user", "create", "bob", "--role", "reader"); status != 0 {
		t.Fatalf("%d %s", status, complaint)
	}
	var by string
	if err := db.Admin(t).QueryRow(t.Context(), `select actor_id::text from authority.audit_log where action = 'user.add' and diff->'after'->>'subject' = 'bob'`).Scan(&by); err != nil || by != ana.ID.String() {
		t.Errorf("bob was added by %s, %v", by, err)
	}
	for name, claims := range map[string]issuertest.Claims{"another audience": {"sub": "ana", "aud": "x"}, "another subject": {"sub": "eve", "aud": "sluice"}} {
		if status, out, complaint := sluice(claims, "auth", "whoami"); status != 1 || out != "" || !refusal.MatchString(complaint) {
			t.Errorf("%s: %d %s %s", name, status, out, complaint)
		}
	}
}
