package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sluice/doctor/plans"
	"sluice/internal/sqltext"
	"sluice/internal/test/dbtest"
)

// TestEveryStatementHasAPlan: each SQL file of the program is a hot query with a page in docs/plans, made for its present
// text, or has a reason not to be.
func TestEveryStatementHasAPlan(t *testing.T) {
	t.Parallel()
	hot, used := map[string]bool{}, map[string]bool{}
	for _, q := range plans.Queries {
		hot[q.File] = true
		sql, ok := sqltext.Find(q.File)
		if !ok {
			t.Errorf("%s: there is no %s", q.Name, q.File)
			continue
		}
		page, err := os.ReadFile("../../docs/plans/" + q.Name + ".txt")
		if err != nil || !strings.HasPrefix(string(page), pageHead(q, sql)) {
			t.Errorf("docs/plans/%s.txt is not about the present %s: run TestPlansOfHotQueries with SLUICE_PLANS_UPDATE=1 and SLUICE_PLANS_ROWS=1000000 (%v)", q.Name, q.File, err)
		}
	}
	files := 0
	err := filepath.WalkDir("../..", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2 {
			return err
		}
		name, _ := filepath.Rel("../..", file)
		if !strings.HasSuffix(name, ".sql") || path.Base(path.Dir(name)) != "sql" || strings.HasPrefix(name, "migrations/") {
			return nil
		}
		files++
		folder := path.Dir(name) + "/*"
		used[folder] = true
		if !hot[name] && plans.Others[name] == "" && plans.Others[folder] == "" {
			t.Errorf("%s: say in doctor/plans/queries.go how it is planned, or why it does not matter", name)
		}
		return nil
	})
	if err != nil || files < 250 {
		t.Errorf("%d SQL files, %v", files, err)
	}
	for name := range plans.Others {
		if strings.HasSuffix(name, "/*") && !used[name] {
			t.Errorf("there is no %s any more", name)
		}
	}
}

func pageHead(q plans.Query, sql string) string {
	return fmt.Sprintf("%s: %s, sha256 %x\n", q.Name, q.File, sha256.Sum256([]byte(sql)))
}

var series = regexp.MustCompile(`generate_series\((\d+), (\d+)(, \d+)?\)`)

// loadFor is migrations/testdata/load.sql for so many components, of three tenants with 90, 9 and 1 of a
// hundred rows.
func loadFor(t *testing.T, components int) string {
	t.Helper()
	b, err := os.ReadFile("../../migrations/testdata/load.sql")
	if err != nil {
		t.Fatal(err)
	}
	const usual, skew = 200_000, "case when n % 10 < 6 then 0 else 1 + n / 10 % 20 end"
	if !strings.Contains(string(b), skew) {
		t.Fatal("load.sql shares rows out in another way")
	}
	text := strings.ReplaceAll(string(b), skew, "case when n % 100 < 90 then 0 when n % 100 < 99 then 1 else 2 end")
	// No hot query reads inventories, and statistics of long lists take minutes.
	text = strings.ReplaceAll(text, "generate_series(1, 100) p", "generate_series(1, 10) p")
	return series.ReplaceAllStringFunc(text, func(s string) string {
		m := series.FindStringSubmatch(s)
		from, _ := strconv.Atoi(m[1])
		to, _ := strconv.Atoi(m[2])
		if to < 2000 {
			return s
		}
		return fmt.Sprintf("generate_series(%d, %d%s)", (from-1)*components/usual+1, to*components/usual, m[3])
	})
}

// TestPlansOfHotQueries: `sluice explain --check`, for tenants of very different size: every hot query is served by
// an index that leads with the tenant, with estimates that are right to a factor of 100.
// SLUICE_PLANS_ROWS is how many components there are; SLUICE_PLANS_UPDATE=1 writes docs/plans.
func TestPlansOfHotQueries(t *testing.T) {
	if os.Getenv("SLUICE_PLANS_ROWS") == "" {
		t.Skip("loads 200,000 components or more, for minutes: SLUICE_PLANS_ROWS=200000; migrations.TestPlans plans the same kinds of statements always")
	}
	t.Parallel()
	components := 200_000
	if text := os.Getenv("SLUICE_PLANS_ROWS"); text != "" {
		var err error
		if components, err = strconv.Atoi(text); err != nil || components < 200_000 {
			t.Fatalf("SLUICE_PLANS_ROWS=%s: it is a number from 200000 on", text)
		}
	}
	db := dbtest.New(t)
	if _, err := db.Admin(t).PgConn().Exec(t.Context(), loadFor(t, components)).ReadAll(); err != nil {
		t.Fatal(err)
	}
	pages := map[string]*bytes.Buffer{}
	for _, tenant := range []string{"tenant-0", "tenant-1", "tenant-2"} {
		status, stdout, stderr := inProcess(t, "explain", "--check", "--output", "json", "--tenant", tenant, "--database-url", db.URL, "--log-level", "error")
		var list []plans.Plan
		if err := json.Unmarshal([]byte(stdout), &list); err != nil {
			t.Fatalf("%s: status %d, %v\n%s", tenant, status, err, stderr)
		}
		if status != 0 || len(list) != 2*len(plans.Queries) {
			t.Errorf("%s: status %d, %d plans: %s", tenant, status, len(list), stderr)
		}
		for _, p := range list {
			for _, problem := range p.Problems {
				t.Errorf("%s, %s, %s plan: %s\n%s", tenant, p.Query, p.Mode, problem, p.Text)
			}
			b := pages[p.Query]
			if b == nil {
				b = &bytes.Buffer{}
				pages[p.Query] = b
			}
			fmt.Fprintf(b, "\n%s, %s plan: %.0f rows, worst estimate off by %.3g times, %d pages from memory and %d read, by %s\n%s",
				tenant, p.Mode, p.Rows, p.Error, p.Hit, p.Read, strings.Join(p.Indexes, ", "), p.Text)
		}
	}
	if os.Getenv("SLUICE_PLANS_UPDATE") == "" || t.Failed() {
		return
	}
	for _, q := range plans.Queries {
		sql, _ := sqltext.Find(q.File)
		text := pageHead(q, sql) + fmt.Sprintf("As %s, under row security; %d components; tenant-0 has 90 %% of the rows, tenant-1 9 %%, tenant-2 1 %%.\n", q.Role, components) + pages[q.Name].String()
		if err := os.MkdirAll("../../docs/plans", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("../../docs/plans/"+q.Name+".txt", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
