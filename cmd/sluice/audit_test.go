package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"sluice/authority"
	"sluice/internal/id"
	"sluice/internal/test/dbtest"
)

// unaudited are the commands that take more than reading and write no entry of their own, and why.
var unaudited = map[string]string{
	"sluice ingest file":       "imports are on record by document: originals, receipts, scan runs; that one makes a tenant is an entry",
	"sluice ingest kafka":      "the same",
	"sluice serve":             "it runs the tasks of maintain, whose changes are entries",
	"sluice project":           "derives what follows from documents and decisions; finding_history has it",
	"sluice migrate up":        "core.schema_migration has each script with its hash, its time and its user",
	"sluice topics create":     "changes Kafka, not the database",
	"sluice bench":             "works on tenants of its own",
	"sluice bench kafka":       "works on tenants of its own",
	"sluice backup run":        "leaves backup.run: TestDrillBetweenImports",
	"sluice backup drill":      "leaves backup.drill: the same",
	"sluice backup prune":      "changes the place of the backups, not the database",
	"sluice backup restore":    "makes another database; what was restored has the log of its time",
	"sluice backup archive":    "copies what the server has written",
	"sluice backup wal":        "the same",
	"sluice backup list":       "changes nothing",
	"sluice backup verify":     "changes nothing",
	"sluice audit anchor":      "publishes what is there",
	"sluice auth client list":  "changes nothing",
	"sluice auth grant list":   "changes nothing",
	"sluice auth role list":    "changes nothing",
	"sluice auth token list":   "changes nothing",
	"sluice auth user list":    "changes nothing",
	"sluice database run":      "changes nothing",
	"sluice doctor":            "changes nothing",
	"sluice explain":           "changes nothing",
	"sluice feeds sources":     "changes nothing",
	"sluice feeds refresh":     "runs the task feed of maintain: imports are on record by document",
	"sluice notify send":       "tells of what there is: routing.notify_message has each message and what became of it",
	"sluice stats":             "changes nothing",
	"sluice flag eval":         "changes nothing",
	"sluice flag history":      "changes nothing",
	"sluice flag list":         "changes nothing",
	"sluice limit list":        "changes nothing",
	"sluice limit show":        "changes nothing",
	"sluice instances":         "changes nothing",
	"sluice database url":      "changes nothing",
	"sluice migrate status":    "changes nothing",
	"sluice migrate verify":    "changes nothing",
	"sluice partitions list":   "changes nothing",
	"sluice partitions plan":   "changes nothing",
	"sluice partitions status": "changes nothing",
	"sluice tenant list":       "changes nothing",
	"sluice topics verify":     "changes nothing",
	"sluice topics allowed":    "changes nothing",
	"sluice vex export":        "a new version of a document leaves vex.export: inventory.TestExport",
	"sluice vex history":       "changes nothing",
}

// step is a call of a changing command, and the actions that it leaves in the audit log. With sql it is not a
// command: it arranges something, as superuser.
type step struct {
	args string
	want string // actions, sorted, each as often as it is written
	sql  string
}

// changing are calls of every command that changes something, in an order in which each has something to do.
var changing = []step{
	{args: "tenant create acme", want: "tenant.create"},
	{args: "tenant create acme --if-not-exists", want: ""},
	{args: "tenant create acme --if-not-exists --reader", want: "tenant.auditor"},
	{args: "tenant set acme --retain-parked 30d", want: "tenant.set"},
	{args: "tenant create other", want: "tenant.create"},
	{args: "tenant create passing", want: "tenant.create"},
	{args: "tenant rename passing gone", want: "tenant.rename"},
	{args: "tenant delete gone --dry-run", want: ""},
	{args: "tenant delete gone --yes", want: "tenant.delete tenant.delete"},
	{args: "ingest file --tenant acme $FIXTURES/documents/02-storefront-first-build.cdx.json --wait"},
	{args: "vex decide --tenant acme --ahead --package pkg:npm/lodash@4.17.20 --vuln CVE-2021-23337 --status not_affected --rationale unused", want: "user.add vex.decide"},
	{args: "vex decide --tenant acme --ahead --package pkg:npm/lodash@4.17.20 --vuln CVE-2021-23337 --status fixed --dry-run", want: ""},
	{args: "vex export --tenant acme --format openvex", want: ""},
	{args: "vex withdraw --tenant acme --package pkg:npm/lodash@4.17.20 --vuln CVE-2021-23337 --rationale used", want: "vex.withdraw"},
	{args: "artifact tag production pkg:npm/%40example-works/storefront@2.4.0 --tenant acme", want: "artifact.tag"},
	{args: "artifact tag production pkg:npm/%40example-works/storefront@2.4.0 --tenant acme", want: ""},
	{args: "artifact untag production pkg:npm/%40example-works/storefront@2.4.0 --tenant acme", want: "artifact.untag"},
	{args: "artifact retire pkg:npm/%40example-works/storefront@2.4.0 --tenant acme", want: "artifact.retire"},
	{args: "artifact retire pkg:npm/%40example-works/storefront@2.4.0 --tenant acme", want: ""},
	{args: "artifact revive pkg:npm/%40example-works/storefront@2.4.0 --tenant acme", want: "artifact.revive"},
	{args: "ingest file --tenant acme $FIXTURES/documents/23-broken-cut-off.cdx.json $FIXTURES/documents/24-broken-nul.cdx.json"},
	{args: "parked replay --tenant acme --all", want: "parked.replay"},
	{args: "parked drop --tenant acme --reason nul-character", want: "parked.drop"},
	{args: "parked drop --tenant acme --reason nul-character", want: ""},
	{sql: `update ingest.parked set created_at = now() - interval '90 days', updated_at = now() - interval '90 days'`},
	{args: "maintain retention", want: "retention.delete"},
	{sql: `insert into core.job_queue (tenant_id, kind, payload, last_error, attempts, run_after, created_at)
		select t.tenant_id, 'sorcery', '{}', 'boom', 20, 'infinity', now() - interval '9 days' from authority.tenant t, generate_series(1, 2)`},
	{args: "jobs drop --tenant other --all", want: "jobs.drop"},
	{args: "jobs retry --all-tenants --all", want: "jobs.retry"},
	{args: "jobs retry --all-tenants --all --kind expiry", want: ""},
	{sql: `update core.job_queue set attempts = 20, run_after = 'infinity' where kind = 'sorcery'`},
	{args: "maintain jobs --keep-failed-jobs 2h", want: "jobs.delete"},
	{args: "topics allow 'team-a.*' --tenant acme", want: "topics.allow"},
	{args: "topics allow 'team-a.*' --tenant acme", want: ""},
	{args: "topics deny 'team-a.*' --tenant acme", want: "topics.deny"},
	{args: "flag set receipts off --tenant acme", want: "flag.set"},
	{args: "flag delete receipts --tenant acme", want: "flag.delete"},
	{args: "limit set documents 1000 --tenant acme", want: "limit.set"},
	{args: "limit delete documents --tenant acme", want: "limit.delete"},
	{args: "feeds add kev --mirror http://127.0.0.1:1/kev.json", want: "feed.add"},
	{args: "feeds add kev --mirror http://127.0.0.1:1/kev.json", want: ""},
	{args: "feeds remove kev", want: "feed.remove"},
	{args: "notify rule add urgent --url http://127.0.0.1:1/hook --severity high --tenant acme", want: "notify.add"},
	{args: "notify rule test urgent --dry-run --tenant acme", want: ""},
	{args: "notify rule test urgent --wait 0s --tenant acme", want: "notify.test"},
	{sql: `update routing.notify_message set state = 'failed'`},
	{args: "notify failed retry --all --tenant acme", want: "notify.retry"},
	{args: "notify failed retry --all --tenant acme", want: ""},
	{sql: `update routing.notify_message set state = 'failed'`},
	{args: "notify failed drop --rule urgent --tenant acme", want: "notify.drop"},
	{args: "notify rule remove urgent --tenant acme", want: "notify.remove"},
	{args: "rebuild --tenant acme", want: "tenant.rebuild"},
	{args: "auth user add ana --tenant acme", want: "user.add"},
	{args: "auth user disable ana --tenant acme", want: "user.set"},
	{args: "auth user enable ana --tenant acme", want: "user.set"},
	{args: "auth role add triage --permission read --tenant acme", want: "role.add"},
	{args: "auth role set triage --permission decide --tenant acme", want: "role.set"},
	{args: "auth grant add ana triage --tenant acme", want: "grant.add"},
	{args: "auth token add --user ana --scope decide --name t --tenant acme", want: "token.add"},
	{args: "auth token rotate t --tenant acme", want: "token.rotate"},
	{args: "auth token revoke t --tenant acme", want: "token.revoke"},
	{args: "auth grant revoke ana triage --tenant acme", want: "grant.revoke"},
	{args: "auth role remove triage --tenant acme", want: "role.remove"},
	{args: "auth client add builds --scope ingest --tenant acme", want: "client.add"},
	{args: "auth client set builds --scope read --tenant acme", want: "client.set"},
	{args: "auth client rotate builds --tenant acme", want: "client.rotate"},
	{args: "auth client disable builds --tenant acme", want: "client.set"},
	{args: "auth client enable builds --tenant acme", want: "client.set"},
	{args: "partitions set ingest.scan_run_event --behind 3", want: "partition.set"},
	{args: "partitions maintain", want: ""},
	{args: "partitions set ingest.scan_run_event --behind 0 --retention '40 days' --on-expiry detach", want: "partition.set"},
	{args: "partitions maintain --max-retire 1", want: "partition.detached partition.detaching"},
	{args: "partitions attach $RETIRED", want: "partition.attached"},
	{args: "audit retire --tenant acme --keep 0s --to $FOLDER", want: "audit.retire"},
}

// TestChangesAreAudited walks the command tree: each command either changes nothing that somebody decides, and
// says so in unaudited, or is called here and leaves an entry, in a chain that verifies.
func TestChangesAreAudited(t *testing.T) {
	t.Parallel()
	var called []string
	var walk func(*cobra.Command)
	root := newRoot(&app{})
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if c.HasSubCommands() || !c.Runnable() {
			return
		}
		path := c.CommandPath()
		is := slices.ContainsFunc(changing, func(s step) bool { return strings.HasPrefix("sluice "+s.args+" ", path+" ") && s.want != "" })
		if is {
			called = append(called, path)
		}
		// A token that permits reading permits no change: TestScopeReadOpensNothingElse holds that.
		reads := slices.Contains([]authority.Permission{authority.Open, authority.Anyone, authority.Read}, needs[path])
		if !reads && is == (unaudited[path] != "") {
			t.Errorf("%s: it either changes something, and is called in changing with the entry of the audit log that it leaves, or says in unaudited why it leaves none", path)
		}
	}
	walk(root)
	if len(called) < 10 {
		t.Errorf("only %s are called", called)
	}

	db := dbtest.New(t)
	admin := db.Admin(t)
	fixtures, err := filepath.Abs("../../fixtures")
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"FIXTURES": fixtures, "FOLDER": t.TempDir()}
	seen := map[id.ID]bool{}
	for _, s := range changing {
		if s.sql != "" {
			if _, err := admin.Exec(t.Context(), s.sql); err != nil {
				t.Fatalf("%s: %v", s.sql, err)
			}
			continue
		}
		var retired string
		if err := admin.QueryRow(t.Context(), `select coalesce(max(name), '') from core.retired_partition where state = 'detached'`).Scan(&retired); err != nil {
			t.Fatal(err)
		}
		vars["RETIRED"] = retired
		if status, out := runWords(t, s.args, vars, db.URL); status != 0 && status != 3 {
			t.Fatalf("%s: status %d\n%s", s.args, status, out)
		}
		if got := strings.Join(newEntries(t, admin, seen), " "); got != s.want {
			t.Errorf("%s leaves %q in the audit log, want %q", s.args, got, s.want)
		}
	}
	if status, out := runWords(t, "audit verify --all-tenants", nil, db.URL); status != 0 {
		t.Errorf("status %d\n%s", status, out)
	}
}

// runWords runs the program; quotes keep a value with spaces together, and $NAME is a variable.
func runWords(t *testing.T, line string, vars map[string]string, url string) (int, string) {
	t.Helper()
	var args []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	for i := range args {
		args[i] = os.Expand(args[i], func(name string) string { return vars[name] })
	}
	var out bytes.Buffer
	status := run(t.Context(), append(args, "--database-url", url), strings.NewReader(""), &out, &out)
	return status, out.String()
}

// newEntries are the actions of entries that were not there before, sorted. Each says what was before and what
// is now.
func newEntries(t *testing.T, admin *pgx.Conn, seen map[id.ID]bool) []string {
	t.Helper()
	rows, err := admin.Query(t.Context(), `select id, action, diff ?& '{before,after}' from authority.audit_log`)
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	var entry id.ID
	var action string
	var whole bool
	_, err = pgx.ForEachRow(rows, []any{&entry, &action, &whole}, func() error {
		if !seen[entry] {
			seen[entry] = true
			actions = append(actions, action)
			if !whole {
				t.Errorf("%s does not say what was before and what is now", action)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(actions)
	return actions
}
