package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/backup"
)

// TestRunbooksFollowed does each harm of the chapter Losses of docs/runbooks.md to an embedded server, and follows the page literally.
// It takes minutes and a psql, so it runs with SLUICE_RUNBOOKS=1 only.
func TestRunbooksFollowed(t *testing.T) {
	if os.Getenv("SLUICE_RUNBOOKS") == "" {
		t.Skip("SLUICE_RUNBOOKS=1 follows the runbooks, which takes minutes")
	}
	page, err := os.ReadFile("../../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(page), "\n## Losses\n")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	w := newTrouble(t)
	sections := regexp.MustCompile(`(?m)^### (.+)$`).FindAllStringSubmatchIndex(chapter, -1)
	harms := map[string]func(){
		"Disk full": func() {},
		"Lost WAL": func() {
			w.sh("sluice backup wal --once")
			w.sh(`rm "$(ls -d "$SLUICE_BACKUP_TO"/clusters/*/wal/00000001/* | sort | tail -n 1)"`)
			w.exec(`insert into core.maintenance (task) values ('x'); delete from core.maintenance where task = 'x'`)
			w.sh("sluice backup wal --once")
			w.exec(`insert into core.maintenance (task) values ('x'); delete from core.maintenance where task = 'x'`)
			w.sh("sluice backup wal --once")
		},
		"Corrupted page": func() {
			w.sh("sluice backup run")
			w.exec(`checkpoint`)
			f, err := os.OpenFile(filepath.Join(w.text(`show data_directory`), w.text(`select pg_relation_filepath('unknowns.unknown')`)), os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteAt([]byte("damage"), 4000)
				f.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			w.exec(`select pg_buffercache_evict_relation('unknowns.unknown')`) // so that it is read from the disk
		},
		"Deleted tenant": func() {
			w.exec(`do $$ declare t regclass; gone uuid := (select tenant_id from authority.tenant where name = 'acme'); begin
				for t in select attrelid::regclass from pg_attribute a join pg_class c on c.oid = attrelid
					where attname = 'tenant_id' and relkind in ('r', 'p') and not relispartition and attrelid <> 'authority.audit_log'::regclass and relnamespace::regnamespace::text not like 'pg_%'
				loop execute format('delete from %s where tenant_id = %L', t, gone); end loop; end $$`)
			if n := w.text(`select count(*)::text from ingest.original`); n != "38" { // the other tenant's and the feed's
				t.Fatalf("%s documents are left", n)
			}
		},
		"Bad migration": func() {
			w.exec(`drop table vex.vex_decision cascade; alter table vex.open_findings rename column evidence to proof`)
		},
		"The machine is gone": func() { w.sh("sluice backup wal --once") },
	}
	done := 0
	for i, s := range sections {
		title, end := chapter[s[2]:s[3]], len(chapter)
		if i+1 < len(sections) {
			end = sections[i+1][0]
		}
		harm := harms[title]
		if harm == nil {
			t.Fatalf("docs/runbooks.md: nobody does the harm of %q", title)
		}
		var script []string
		for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(chapter[s[1]:end], -1) {
			script = append(script, m[1])
		}
		ok := t.Run(title, func(t *testing.T) {
			w.T = t
			w.begin()
			harm()
			out := w.sh(strings.Join(script, "\n"))
			t.Logf("%s", out)
			w.healed(title)
		})
		if !ok {
			return
		}
		done++
	}
	if done != len(harms) {
		t.Errorf("%d of %d runbooks were followed", done, len(harms))
	}
}

// trouble is an embedded server with documents of tenant acme and a backup, to be harmed; each runbook has its own.
type trouble struct {
	*testing.T
	bin, dir string
	env      []string
	home     string
	findings string
}

func newTrouble(t *testing.T) *trouble {
	if _, err := exec.LookPath("psql"); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "sluice-runbooks-*") // that the server's user can reach
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &trouble{T: t, bin: t.TempDir(), dir: dir}
	sluiceIn(t, w.bin)
	return w
}

func (w *trouble) begin() {
	w.Helper()
	here, err := os.MkdirTemp(w.dir, "*")
	if err == nil {
		err = os.Chmod(here, 0o755)
	}
	if err != nil {
		w.Fatal(err)
	}
	key := filepath.Join(here, "key")
	recipient, err := backup.NewKey(key)
	if err != nil {
		w.Fatal(err)
	}
	fixtures, err := filepath.Abs(fixturesDir)
	if err != nil {
		w.Fatal(err)
	}
	w.home = filepath.Join(here, "home")
	w.env = append(os.Environ(), "PATH="+w.bin+string(os.PathListSeparator)+os.Getenv("PATH"), "FIXTURES="+fixtures, "SLUICE_HOME="+w.home,
		"SLUICE_BACKUP_TO="+filepath.Join(here, "store"), "SLUICE_BACKUP_RECIPIENT="+recipient, "SLUICE_BACKUP_IDENTITY="+key, "SIDE="+filepath.Join(here, "side"),
		"SLUICE_DRILL_HOME="+filepath.Join(here, "drill"), "SLUICE_EMBEDDED_LINGER=10s")
	w.sh(`mkdir "$SLUICE_HOME" && sluice ingest file "$FIXTURES/feed" --shared --wait && sluice tenant create acme
		sluice ingest file "$FIXTURES/documents" --tenant acme --wait || [ $? = 3 ]
		sluice ingest file "$FIXTURES/documents" --wait || [ $? = 3 ]
		sluice backup run`)
	w.findings = w.found("")
	w.env = append(w.env, "BEFORE="+clockOf(w.T, strings.TrimSpace(w.sh("sluice database url"))))
}

// sh runs a script, which ends at the first command that fails.
func (w *trouble) sh(script string) string {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), "sh", "-eu", "-c", script)
	cmd.Env = w.env
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		w.Fatalf("%s\n%v\n%s\n%s", script, err, out, errs.String())
	}
	if text := errs.String(); text != "" && strings.Contains(script, "|| true") {
		w.Log(text)
	}
	return string(out)
}

// found are acme's findings on the server of a home, without the moments of their last change.
func (w *trouble) found(home string) string {
	w.Helper()
	set := ""
	if home != "" {
		set = "SLUICE_HOME='" + home + "' "
	}
	return w.sh(set + `sluice findings --tenant acme --status all --output json | sed 's/"first_seen":"[^"]*","last_changed":"[^"]*"//g'`)
}

func (w *trouble) admin() *pgx.Conn {
	w.Helper()
	conn, err := pgx.Connect(w.Context(), strings.TrimSpace(w.sh("sluice database url --superuser")))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (w *trouble) exec(sql string) {
	w.Helper()
	if _, err := w.admin().PgConn().Exec(w.Context(), sql).ReadAll(); err != nil {
		w.Fatal(err)
	}
}

func (w *trouble) text(sql string) (s string) {
	w.Helper()
	if err := w.admin().QueryRow(w.Context(), sql).Scan(&s); err != nil {
		w.Fatal(err)
	}
	return s
}

// healed looks at what a runbook promises: the findings of before, on the server that goes on, and a backup that is sound.
func (w *trouble) healed(title string) {
	w.Helper()
	goesOn := ""
	for _, s := range w.env {
		if side, ok := strings.CutPrefix(s, "SIDE="); ok && title != "Disk full" && title != "Lost WAL" && title != "Deleted tenant" {
			goesOn = side
		}
	}
	if got := w.found(goesOn); got != w.findings || !strings.Contains(got, "CVE-") {
		w.Errorf("findings afterwards:\n%s\nbefore:\n%s", got, w.findings)
	}
	w.sh(`sluice backup verify "$(sluice backup list --output csv | tail -n 1 | cut -d , -f 1)"`)
}
