package audit

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// TestNote: a row says who: whom the entry names, else the user of the transaction, else nobody;
// and what stood before and what stands now.
func TestNote(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	pool := db.Pool(t, pg.Ingest)
	alice, bob := id.Derive(acme, "user", "alice"), id.Derive(acme, "user", "bob")
	for _, tc := range []struct {
		name string
		user *id.ID // of the transaction
		by   *id.ID // of the entry
		want string
	}{
		{"nobody", nil, nil, ""},
		{"transaction", &alice, nil, alice.String()},
		{"entry", nil, &bob, bob.String()},
		{"both", &alice, &bob, bob.String()},
	} {
		ctx := t.Context()
		if tc.user != nil {
			ctx = pg.WithActor(ctx, pg.Actor{User: *tc.user, Name: "alice", Roles: []string{"analyst"}})
		}
		err := pg.Tenant(ctx, pool, acme, func(tx pgx.Tx) error {
			return Note(ctx, tx, acme, Entry{
				Actor: tc.by, Action: "test.change", Entity: tc.name,
				Diff: Change(nil, map[string]any{"name": "x", "n": 2}),
			})
		})
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		var actor, diff string
		err = db.Admin(t).QueryRow(t.Context(), `select coalesce(actor_id::text, ''), diff::text from authority.audit_log where entity_type = $1`, tc.name).Scan(&actor, &diff)
		if err != nil || actor != tc.want {
			t.Errorf("%s: actor %q, want %q (%v)", tc.name, actor, tc.want, err)
		}
		if want := `{"after": {"n": 2, "name": "x"}, "before": null}`; diff != want {
			t.Errorf("%s: %s, want %s", tc.name, diff, want)
		}
	}
}
