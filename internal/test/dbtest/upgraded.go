package dbtest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/pgtest"
	"sluice/migrations"
)

// released is a database that the program of the last release has filled: see testdata/make.sh
// and dump. Commit 710feb1, the eight scripts of version 1.
//
//go:embed testdata/710feb1.copy.gz
var released []byte

// Released makes a database as the last release has left it, with documents of every kind,
// VEX of three formats, decisions, parked documents, unknowns and events of two tenants:
// `example`, with the documents of the demo, and `field`, with those of testdata/documents.
func Released(t testing.TB) *DB {
	t.Helper()
	u := pgtest.Empty(t)
	db := &DB{URL: u, AdminURL: pgtest.AdminURL(t, u)}
	if err := db.loadReleased(t.Context()); err != nil {
		t.Fatalf("dbtest: database of the last release: %v", err)
	}
	return db
}

// Upgraded is Released after `sluice migrate up` of today. Nothing has been projected yet.
func Upgraded(t testing.TB) *DB {
	t.Helper()
	db := Released(t)
	conn := db.Conn(t, "")
	defer conn.Close(context.Background())
	if _, err := migrations.Up(t.Context(), conn); err != nil {
		t.Fatalf("dbtest: upgrade: %v", err)
	}
	return db
}

func (db *DB) loadReleased(ctx context.Context) error {
	z, err := gzip.NewReader(bytes.NewReader(released))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, db.AdminURL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := applyReleased(ctx, conn, db.URL, string(text)); err != nil {
		return err
	}
	// Rows that the scripts themselves have made come from the dump, and no trigger fires.
	_, err = conn.Exec(ctx, `set session_replication_role = replica`)
	if err != nil {
		return err
	}
	in := bufio.NewReader(bytes.NewReader(text))
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := load(ctx, conn, strings.TrimSuffix(line, "\n"), in); err != nil {
			return fmt.Errorf("%.100q: %w", line, err)
		}
	}
	for _, view := range []string{"vex.mv_artifact_risk", "vex.mv_triage_queue"} {
		if _, err := conn.Exec(ctx, `refresh materialized view `+view); err != nil {
			return fmt.Errorf("refresh %s: %w", view, err)
		}
	}
	return nil
}

// applyReleased runs the scripts that the dump says were applied, as its program did.
func applyReleased(ctx context.Context, conn *pgx.Conn, app, text string) error {
	u, err := url.Parse(app)
	if err != nil {
		return err
	}
	database := pgx.Identifier{strings.TrimPrefix(u.Path, "/")}.Sanitize()
	_, after, _ := strings.Cut(text, "\ntable core.schema_migration (")
	_, after, _ = strings.Cut(after, "\n")
	rows, _, ok := strings.Cut(after, "\n\\.\n")
	if !ok {
		return fmt.Errorf("the dump has no core.schema_migration")
	}
	_, err = conn.Exec(ctx, `grant create, temporary on database `+database+` to sluice_owner;
		grant temporary on database `+database+` to sluice_views, sluice_ingest, sluice_projector;
		alter database `+database+` set search_path = `+pg.SearchPath+`;
		set search_path = `+pg.SearchPath+`; set role sluice_owner`)
	if err != nil {
		return err
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `reset role`) }()
	applied := 0
	for _, s := range migrations.Scripts() {
		if !strings.Contains(rows, "\t"+s.Name+"\t") {
			continue
		}
		if !strings.Contains(rows, "\t"+s.Hash) {
			return fmt.Errorf("script %s is not what was released", s.Name)
		}
		if _, err := conn.Exec(ctx, strings.ReplaceAll(s.Text, "<hash>", s.Hash)); err != nil {
			return fmt.Errorf("script %s: %w", s.Name, err)
		}
		applied++
	}
	if n := strings.Count(rows, "\n") + 1; applied != n {
		return fmt.Errorf("%d of %d scripts of the release are there", applied, n)
	}
	return nil
}

// load does what a line of the dump says; the rows of a table follow it.
func load(ctx context.Context, conn *pgx.Conn, line string, in *bufio.Reader) error {
	what, rest, _ := strings.Cut(line, " ")
	switch what {
	case "partition":
		word := strings.SplitN(rest, " ", 3)
		parent, child, bound := word[0], word[1], word[2]
		_, err := conn.Exec(ctx, `set role sluice_owner; create table `+child+` (like `+parent+` including all excluding identity);
			call core.protect_partition('`+child+`', '`+parent+`');
			alter table `+parent+` attach partition `+child+` `+bound+`; reset role`)
		return err
	case "table":
		name, _, _ := strings.Cut(rest, " ")
		var rows bytes.Buffer
		for {
			row, err := in.ReadSlice('\n')
			for err == bufio.ErrBufferFull {
				rows.Write(row)
				row, err = in.ReadSlice('\n')
			}
			if err != nil {
				return err
			}
			if string(row) == "\\.\n" {
				break
			}
			rows.Write(row)
		}
		if _, err := conn.Exec(ctx, `delete from `+name); err != nil {
			return err
		}
		_, err := conn.PgConn().CopyFrom(ctx, &rows, `copy `+rest+` from stdin`)
		return err
	case "sequence":
		name, last, _ := strings.Cut(rest, " ")
		_, err := conn.Exec(ctx, `select setval($1::text::regclass, $2::text::bigint)`, name, last)
		return err
	}
	return fmt.Errorf("no such thing in a dump")
}
