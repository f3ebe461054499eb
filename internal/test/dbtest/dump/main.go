// Command dump writes the content of a database as dbtest.Upgraded reads it. It is for the
// day of a release: what the program of that day has made of documents is what the next
// one has to upgrade.
//
//	go run ./internal/test/dbtest/dump URL > internal/test/dbtest/testdata/RELEASE.copy.gz
//
// The URL is a superuser's, or row security would hide the rows. internal/test/dbtest/testdata/make.sh
// fills such a database.
package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: dump URL > FILE.copy.gz")
		os.Exit(2)
	}
	if err := dump(context.Background(), os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "dump:", err)
		os.Exit(1)
	}
}

// dump writes partitions, then rows by COPY's text form, then sequences.
func dump(ctx context.Context, url string, w io.Writer) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	for _, part := range []func(context.Context, *pgx.Conn, io.Writer) error{partitions, tables, sequences} {
		if err := part(ctx, conn, z); err != nil {
			return err
		}
	}
	return z.Close()
}

const schemas = `('core', 'authority', 'routing', 'artifact', 'ingest', 'vex', 'unknowns', 'access')`

func partitions(ctx context.Context, conn *pgx.Conn, w io.Writer) error {
	return lines(ctx, conn, w, `
		select 'partition ' || p.oid::regclass || ' ' || c.oid::regclass || ' ' || pg_get_expr(c.relpartbound, c.oid)
		from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
		where c.relispartition and c.relkind = 'r' order by p.oid::regclass::text, pg_get_expr(c.relpartbound, c.oid)`)
}

func sequences(ctx context.Context, conn *pgx.Conn, w io.Writer) error {
	return lines(ctx, conn, w, `
		select 'sequence ' || quote_ident(schemaname) || '.' || quote_ident(sequencename) || ' ' || last_value
		from pg_sequences where schemaname in `+schemas+` and last_value is not null order by 1`)
}

// lines writes what sql yields. Names are whole, for the search path is empty.
func lines(ctx context.Context, conn *pgx.Conn, w io.Writer, sql string) error {
	if _, err := conn.Exec(ctx, `set search_path = ''; set timezone = 'UTC'`); err != nil {
		return err
	}
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, line := range all {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func tables(ctx context.Context, conn *pgx.Conn, w io.Writer) error {
	rows, err := conn.Query(ctx, `
		select c.oid::regclass::text, string_agg(quote_ident(a.attname), ', ' order by a.attnum)
		from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
		where c.relnamespace::regnamespace::text in `+schemas+` and c.relkind in ('r', 'p') and not c.relispartition
		group by 1 order by 1`)
	if err != nil {
		return err
	}
	type table struct{ Name, Columns string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[table])
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errors.New("there are no tables of Sluice")
	}
	for _, t := range all {
		var rows strings.Builder
		tag, err := conn.PgConn().CopyTo(ctx, &rows, `copy (select `+t.Columns+` from `+t.Name+`) to stdout`)
		if err != nil {
			return fmt.Errorf("copy %s: %w", t.Name, err)
		}
		if tag.RowsAffected() == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "table %s (%s)\n%s\\.\n", t.Name, t.Columns, rows.String()); err != nil {
			return err
		}
	}
	return nil
}
