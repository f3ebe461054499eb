package tenants

import (
	"errors"
	"strings"
	"testing"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/twotenants"
)

// TestDelete: of two tenants with rows in every table, one is deleted: not under a legal hold, not by a
// dry run, and then without a row left but for the audit log's, and the other one keeps all.
func TestDelete(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := dbtest.New(t)
	admin, owner := db.Admin(t), db.Conn(t, pg.Owner)
	a, b := twotenants.New('a'), twotenants.New('b')
	tables := twotenants.Tables(t, admin)
	twotenants.Fill(t, admin, tables, 2, a, b)
	count := func(of id.ID) map[string]int {
		t.Helper()
		out := map[string]int{}
		for table := range tables {
			var n int
			if err := admin.QueryRow(ctx, `select count(*) from `+table+` where tenant_id = $1`, of).Scan(&n); err != nil {
				t.Fatal(err)
			}
			out[table] = n
		}
		return out
	}
	set := func(settings string) {
		t.Helper()
		if _, err := admin.Exec(ctx, `update authority.tenant set settings = $2 where tenant_id = $1`, a.Tenant, settings); err != nil {
			t.Fatal(err)
		}
	}
	mine, others := count(a.Tenant), count(b.Tenant)
	if len(mine) < 40 {
		t.Fatalf("only %d tables", len(mine))
	}

	var wrong *ask.WrongError
	set(`{"legal_hold": true}`)
	if _, err := Delete(ctx, owner, a.Tenant, Deletion{}); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "legal hold") {
		t.Errorf("under a legal hold: %v", err)
	}
	set(`{"legal_hold": "perhaps"}`)
	if _, err := Delete(ctx, owner, a.Tenant, Deletion{}); err == nil {
		t.Error("settings that nobody understands may say that there is a hold")
	}
	set(`{}`)
	dry, err := Delete(ctx, owner, a.Tenant, Deletion{DryRun: true})
	if err != nil || dry.Total < 80 {
		t.Fatalf("%+v, %v", dry, err)
	}
	for table, n := range count(a.Tenant) {
		if n != mine[table] {
			t.Errorf("a dry run leaves %d of %d rows of %s", n, mine[table], table)
		}
	}
	for _, of := range []id.ID{id.Shared, id.Operator} {
		if _, err := Delete(ctx, owner, of, Deletion{}); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", of, err)
		}
	}

	out, err := Delete(ctx, owner, a.Tenant, Deletion{})
	if err != nil || out.Total < dry.Total { // what is deleted of routing leaves a row of its own, which goes too
		t.Fatalf("%d rows, %d were counted: %v", out.Total, dry.Total, err)
	}
	for table, n := range count(a.Tenant) {
		if log := strings.HasPrefix(table, "authority.audit_"); !log && n != 0 || log && n < mine[table] {
			t.Errorf("%d rows of %s are left, of %d", n, table, mine[table])
		}
	}
	for table, n := range count(b.Tenant) {
		if n != others[table] {
			t.Errorf("the other tenant has %d rows of %s, %d before", n, table, others[table])
		}
	}
	var notes int
	if err := admin.QueryRow(ctx, `select count(*) from authority.audit_log where action = 'tenant.delete' and tenant_id in ($1, $2)`, a.Tenant, id.Operator).Scan(&notes); err != nil || notes != 2 {
		t.Errorf("%d entries of the audit logs, want the tenant's and the operator's: %v", notes, err)
	}
	var missing *ask.NotFoundError
	if _, err := Delete(ctx, owner, a.Tenant, Deletion{}); !errors.As(err, &missing) {
		t.Errorf("again: %v", err)
	}
}

// TestRename: the id stays, the old name is free for a tenant with an id of its own, and a deletion that
// was cut off is gone on with.
func TestRename(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := dbtest.New(t)
	pool, owner := db.Pool(t, pg.Maintainer), db.Conn(t, pg.Owner)
	old, _, err := Create(ctx, pool, "example")
	if err != nil {
		t.Fatal(err)
	}
	if err := Rename(ctx, pool, old, "example-emea"); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(ctx, pool, "example-emea"); err != nil || got != old {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := Find(ctx, pool, "exmaple-emea"); err == nil || !strings.Contains(err.Error(), "did you mean example-emea?") {
		t.Errorf("a typing error: %v", err)
	}
	next, made, err := Create(ctx, pool, "example")
	if err != nil || !made || next == old {
		t.Fatalf("%s, %v, %v", next, made, err)
	}
	if again, made, err := Create(ctx, pool, "example"); err != nil || made || again != next {
		t.Errorf("%s, %v, %v", again, made, err)
	}
	var wrong *ask.WrongError
	for _, name := range []string{"example", "Example", "", "deleting.x"} {
		if err := Rename(ctx, pool, old, name); !errors.As(err, &wrong) {
			t.Errorf("%q: %v", name, err)
		}
	}
	// Cut off after the name was taken away.
	half := Deleted{ID: old}
	if err := begin(ctx, owner, &half); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(ctx, pool, "example-emea"); err == nil {
		t.Error("a tenant that is being deleted is found by its name")
	}
	if err := Rename(ctx, pool, old, "saved"); !errors.As(err, &wrong) {
		t.Error(err)
	}
	if got, err := FindLeaving(ctx, pool, "example-emea"); err != nil || got != old {
		t.Fatalf("%s, %v", got, err)
	}
	if out, err := Delete(ctx, owner, old, Deletion{}); err != nil || out.Name != "example-emea" {
		t.Errorf("%+v, %v", out, err)
	}
}
