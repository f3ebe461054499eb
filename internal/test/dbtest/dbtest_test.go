package dbtest

import (
	"testing"

	"sluice/internal/pg"
)

func TestMain(m *testing.M) { Main(m) }

func TestNew(t *testing.T) {
	t.Parallel()
	db := New(t)
	acme := db.Tenant(t, "acme")
	if again := db.Tenant(t, "acme"); again != acme {
		t.Errorf("the tenant has two ids: %s, %s", acme, again)
	}
	for _, role := range []pg.Role{pg.Ingest, pg.Feed, pg.Projector, pg.Maintainer, pg.Reader, pg.Owner} {
		var got string
		var partitions int
		err := db.Pool(t, role).QueryRow(t.Context(), `select current_user, (select count(*) from pg_inherits)`).Scan(&got, &partitions)
		if err != nil || got != string(role) || partitions == 0 {
			t.Errorf("pool of %s: is %s, sees %d partitions, %v", role, got, partitions, err)
		}
	}
	var version int
	if err := db.Conn(t, "").QueryRow(t.Context(), `select count(*) from pg_settings where name = 'search_path' and setting like 'ingest, vex%'`).Scan(&version); err != nil || version != 1 {
		t.Errorf("the database's search_path does not list the schemas: %v", err)
	}
	if conn := db.Admin(t); conn.Config().User == db.Conn(t, "").Config().User {
		t.Error("Admin is the application's user")
	}
}
