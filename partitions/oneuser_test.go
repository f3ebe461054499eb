package partitions_test

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/migrations"
	"sluice/partitions"
)

// TestOneUser: where a single user owns everything, because he may not make roles, forced
// row security binds him too; his partitions are made, exported whole and attached again.
func TestOneUser(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	u, err := url.Parse(db.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/") + "_one"
	admin := db.Admin(t)
	exec(t, admin, `create role `+name+` login password 'secret'`)
	exec(t, admin, `create database `+name+` template template0 owner `+name)
	t.Cleanup(func() {
		ctx := context.Background()
		conn, err := pgx.Connect(ctx, db.AdminURL)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close(ctx)
		for _, sql := range []string{`drop database ` + name + ` with (force)`, `drop role ` + name} {
			if _, err := conn.Exec(ctx, sql); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
		}
	})
	u.Path = "/" + name
	super, err := pgx.Connect(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close(context.Background())
	u.User = url.UserPassword(name, "secret")
	conn, err := pgx.Connect(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := migrations.Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	if err := migrations.AsOwner(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	policy(t, conn, `step = 'day', premake = 2, behind = 5, premake_for = '0'`)
	ensure(t, conn, may2031)
	for day := range 5 {
		if err := event(t, super, may2031.AddDate(0, 0, -day)); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	policy(t, conn, `retention = '3 days', on_expiry = 'export'`)
	maintain(t, conn, may2031, partitions.Config{ExportDir: dir})
	var rows int64
	files, _ := filepath.Glob(filepath.Join(dir, "*.zst"))
	for _, file := range files {
		_, m, err := partitions.ReadManifest(file)
		if err != nil {
			t.Fatal(err)
		}
		rows += m.Rows
		if _, err := partitions.Attach(t.Context(), conn, file, time.Hour, partitions.Config{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(files) != 2 || rows != 1 {
		t.Errorf("%d files with %d rows", len(files), rows)
	}
	if n := one[int](t, super, `select count(*) from ingest.scan_run_event`); n != 5 {
		t.Errorf("%d rows are there again", n)
	}
	if n := one[int](t, conn, `select count(*) from ingest.scan_run_event`); n != 0 {
		t.Errorf("without a tenant the owner sees %d rows", n)
	}
	if err := pg.Become(t.Context(), conn, "sluice_monitor"); err != nil {
		t.Fatal(err)
	}
	if s := inspect(t, conn, may2031); len(s[0].Unprotected) != 0 || len(s[0].Alarms) != 0 {
		t.Errorf("status %+v", s)
	}
}
