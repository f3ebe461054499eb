package tenants

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// TestQueriesPrepare plans every statement of sql/ as the maintainer, who runs them all but for the
// last of a tenant, which is the owner's.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	dbtest.Plan(t, sqlFiles, db.Conn(t, pg.Maintainer), map[string][]*pgx.Conn{"remove": {db.Conn(t, pg.Owner)}})
}

func TestCreateAndFind(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pool := db.Pool(t, pg.Maintainer)
	ctx := t.Context()
	acme, made, err := Create(ctx, pool, "acme")
	if err != nil || !made || acme != id.Derive(id.Shared, "tenant", "acme") {
		t.Fatalf("%s, %v, %v", acme, made, err)
	}
	if again, made, err := Create(ctx, pool, "acme"); err != nil || made || again != acme {
		t.Errorf("again: %s, %v, %v", again, made, err)
	}
	for _, name := range []string{"acme", acme.String()} {
		if found, err := Find(ctx, pool, name); err != nil || found != acme {
			t.Errorf("%s: %s, %v", name, found, err)
		}
	}
	var missing *ask.NotFoundError
	for _, name := range []string{"acne", "", "00000000-0000-4000-8000-000000000000"} {
		if _, err := Find(ctx, pool, name); !errors.As(err, &missing) {
			t.Errorf("%q: %v", name, err)
		}
	}
	var wrong *ask.WrongError
	for _, name := range []string{"", "Not A Name", "-a", strings.Repeat("a", 64), "00000000-0000-4000-8000-000000000000"} {
		if _, _, err := Create(ctx, pool, name); !errors.As(err, &wrong) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pool := db.Pool(t, pg.Maintainer)
	ctx := t.Context()
	acme, odd := db.Tenant(t, "acme"), db.Tenant(t, "odd")
	if _, err := db.Admin(t).Exec(ctx, `update authority.tenant set settings = case name when 'acme' then '{"other": 1}'::jsonb else '{"retention": {"documents": 7}}' end`); err != nil {
		t.Fatal(err)
	}
	hold := true
	p, err := SetPolicy(ctx, pool, acme, Change{Keep: map[string]string{"documents": "400 days", "parked": "90d"}, LegalHold: &hold})
	if err != nil || !p.LegalHold || p.String() != "documents 400 days, parked 90d" {
		t.Fatalf("%+v, %v", p, err)
	}
	if p, err = SetPolicy(ctx, pool, acme, Change{Keep: map[string]string{"parked": ""}}); err != nil || !p.LegalHold || p.String() != "documents 400 days" {
		t.Errorf("%+v, %v", p, err)
	}
	var wrong *ask.WrongError
	for _, keep := range []string{"soon", "90m", "1 hour", "900000 years"} {
		if _, err := SetPolicy(ctx, pool, acme, Change{Keep: map[string]string{"documents": keep}}); !errors.As(err, &wrong) {
			t.Errorf("%q: %v", keep, err)
		}
	}
	list, err := List(ctx, pool)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if a := list[0]; a.ID != acme || a.Name != "acme" || a.Keep["documents"] != "400 days" || !a.LegalHold || a.Trouble != nil || a.Created.IsZero() {
		t.Errorf("%+v", a)
	}
	if o := list[1]; o.ID != odd || o.Trouble == nil || len(o.Keep) != 0 {
		t.Errorf("settings that cannot be understood: %+v", o)
	}
	c, err := list[0].Cutoffs(ctx, pool)
	if err != nil || len(c.Kinds) != 3 || c.Parked != nil || time.Since(c.Times[0]).Round(24*time.Hour) != 400*24*time.Hour {
		t.Errorf("%+v, %v", c, err)
	}
	var stored string
	var changes int
	err = db.Admin(t).QueryRow(ctx, `select settings ->> 'other', (select count(*) from authority.audit_log where tenant_id = $1 and action = 'tenant.set' and entity_id = $1) from authority.tenant where tenant_id = $1`, acme).Scan(&stored, &changes)
	if err != nil || stored != "1" || changes != 2 {
		t.Errorf("other settings: %s, %d entries in the audit log, %v", stored, changes, err)
	}

	// Whoever holds the settings notices that they changed.
	err = pg.Tenant(ctx, pool, acme, func(tx pgx.Tx) error {
		if same, err := list[0].Hold(ctx, tx); err != nil || !same {
			t.Errorf("they are as they were: %v, %v", same, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	hold = false
	if _, err := SetPolicy(ctx, pool, acme, Change{LegalHold: &hold}); err != nil {
		t.Fatal(err)
	}
	err = pg.Tenant(ctx, pool, acme, func(tx pgx.Tx) error {
		if same, err := list[0].Hold(ctx, tx); err != nil || same {
			t.Errorf("they are not as they were: %v, %v", same, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAuditor: the login reads its tenant's rows whatever it sets, and gets a new password
// when it is made again.
func TestAuditor(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme, rival := db.Tenant(t, "acme"), db.Tenant(t, "rival")
	conn := db.Conn(t, "")
	admin := db.Admin(t)
	user, first, err := Auditor(t.Context(), conn, acme)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // roles belong to the server that tests share
		if _, err := admin.Exec(context.Background(), `drop role `+user); err != nil {
			t.Error(err)
		}
	})
	_, second, err := Auditor(t.Context(), conn, acme)
	if err != nil || second == first {
		t.Fatalf("again: %v", err)
	}
	cfg, err := pgx.ParseConfig(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	cfg.User, cfg.Password = user, second
	login, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer login.Close(context.Background())
	var current id.ID
	if _, err := login.Exec(t.Context(), `select set_config('app.tenant_id', $1, false)`, rival.String()); err != nil {
		t.Fatal(err)
	}
	if err := login.QueryRow(t.Context(), `select core.current_tenant()`).Scan(&current); err != nil || current != acme {
		t.Errorf("it reads %s, %v", current, err)
	}
}
