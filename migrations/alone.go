package migrations

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// aloneHeader marks a script whose statements cannot be in a transaction, or must not
// hold their locks until the end of one.
var aloneHeader = regexp.MustCompile(`(?m)\A(?:--.*\n)*?-- Transaction: none\n`)

// index is a CREATE INDEX CONCURRENTLY in the one form that can be repeated.
type index struct {
	unique       string // "unique " or ""
	name         string
	schema, base string // of the table
	rest         string // what follows the table's name
}

var (
	anyIndex    = regexp.MustCompile(`(?is)\A(?:create|drop)\s+(?:unique\s+)?index\s+concurrently\b`)
	dropIndex   = regexp.MustCompile(`(?is)\Adrop\s+index\s+concurrently\s+if\s+exists\s+[a-z_]+\.[a-z0-9_]+\z`)
	createIndex = regexp.MustCompile(`(?is)\Acreate\s+(unique\s+)?index\s+concurrently\s+if\s+not\s+exists\s+([a-z0-9_]+)\s+on\s+([a-z_]+)\.([a-z0-9_]+)\s*(.*)\z`)
)

func asIndex(s statement) (index, bool) {
	m := createIndex.FindStringSubmatch(s.text)
	if m == nil {
		return index{}, false
	}
	lower := strings.ToLower // as PostgreSQL reads a name without quotes
	return index{unique: m[1], name: lower(m[2]), schema: lower(m[3]), base: lower(m[4]), rest: m[5]}, true
}

// alone cuts the script into the statements that run by themselves and the transaction
// at its end, which records that they have. A script without the header has none of the former.
func (s Script) alone() (first []statement, last string, err error) {
	if !aloneHeader.MatchString(s.Text) {
		return nil, s.Text, nil
	}
	begin := strings.LastIndex(s.Text, "\nbegin;\n")
	if begin < 0 {
		return nil, "", errors.New(`has "Transaction: none" and no begin; before the lines that record it`)
	}
	begin++
	if first, err = statements(s.Text[:begin]); err != nil {
		return nil, "", err
	}
	for _, st := range first {
		_, creates := asIndex(st)
		if anyIndex.MatchString(st.text) && !creates && !dropIndex.MatchString(st.text) {
			return nil, "", fmt.Errorf("line %d: it must be possible to repeat the statement: "+
				"create [unique] index concurrently if not exists NAME on SCHEMA.TABLE ..., or drop index concurrently if exists SCHEMA.NAME", st.line)
		}
	}
	// The lines of errors stay the script's own.
	return first, strings.Repeat("\n", strings.Count(s.Text[:begin], "\n")) + s.Text[begin:], nil
}

// runAlone runs one statement outside of a transaction. It waits for locks as long as it
// takes: a concurrent build waits for the transactions that were there before it, and
// stops nobody from reading and writing meanwhile.
func runAlone(ctx context.Context, conn *pgx.Conn, s statement) error {
	line := s.line
	var err error
	if ix, ok := asIndex(s); ok {
		err = ix.build(ctx, conn)
	} else {
		_, err = conn.PgConn().Exec(ctx, s.text).ReadAll()
		var pe *pgconn.PgError
		if errors.As(err, &pe) && pe.Position > 0 {
			line += lineOf(s.text, int(pe.Position)) - 1
		}
	}
	if err != nil {
		return fmt.Errorf("line %d: %w", line, err)
	}
	return nil
}

// build makes the index, on a partitioned table on one partition after another: such a
// table cannot be given an index concurrently as a whole.
func (ix index) build(ctx context.Context, conn *pgx.Conn) error {
	var kind string
	err := conn.QueryRow(ctx, `select relkind::text from pg_class where oid = to_regclass($1)`, ix.schema+"."+ix.base).Scan(&kind)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("look for table %s.%s: %w", ix.schema, ix.base, err)
	}
	if kind != "p" {
		return ix.buildOne(ctx, conn) // a table that is not there makes PostgreSQL say so
	}
	// From here on each new partition gets the index by itself.
	if _, err := conn.Exec(ctx, `create `+ix.unique+`index if not exists `+ix.name+` on only `+ix.schema+`.`+ix.base+` `+ix.rest); err != nil {
		return err
	}
	rows, err := conn.Query(ctx, `
		select n.nspname::text, p.relname::text
		from pg_inherits h join pg_class p on p.oid = h.inhrelid join pg_namespace n on n.oid = p.relnamespace
		where h.inhparent = to_regclass($1) and not exists (
			select from pg_index i join pg_inherits a on a.inhrelid = i.indexrelid
			where i.indrelid = p.oid and a.inhparent = to_regclass($2))
		order by 1, 2`, ix.schema+"."+ix.base, ix.schema+"."+ix.name)
	type partition struct{ Schema, Name string }
	var missing []partition
	if err == nil {
		missing, err = pgx.CollectRows(rows, pgx.RowToStructByPos[partition])
	}
	if err != nil {
		return fmt.Errorf("partitions of %s.%s: %w", ix.schema, ix.base, err)
	}
	for _, p := range missing {
		part := ix
		part.name, part.schema, part.base = partitionIndex(p.Name, ix.name), p.Schema, p.Name
		err := part.buildOne(ctx, conn)
		if err == nil {
			_, err = conn.Exec(ctx, `alter index `+ix.schema+`.`+ix.name+` attach partition `+pgx.Identifier{part.schema, part.name}.Sanitize())
		}
		if sqlState(err, "42P01", "42P17") && !part.isPartitionOf(ctx, conn, ix) {
			continue // retired meanwhile
		}
		if err != nil {
			return fmt.Errorf("partition %s.%s: %w", p.Schema, p.Name, err)
		}
	}
	return nil
}

func (ix index) isPartitionOf(ctx context.Context, conn *pgx.Conn, parent index) bool {
	var is bool
	err := conn.QueryRow(ctx, `select exists (select from pg_inherits where inhrelid = to_regclass($1) and inhparent = to_regclass($2) and not inhdetachpending)`,
		pgx.Identifier{ix.schema, ix.base}.Sanitize(), parent.schema+"."+parent.base).Scan(&is)
	return is || err != nil
}

// partitionIndex names the index of a partition: always the same, so that a build that
// was cut off is found again, and within the 63 bytes of a name.
func partitionIndex(partition, index string) string {
	sum := sha256.Sum256([]byte(index))
	return partition[:min(len(partition), 50)] + "_" + hex.EncodeToString(sum[:4]) + "_ix"
}

// buildOne makes the index of a plain table, unless it is there. What a build that was cut
// off or failed has left is no index, but has its name and costs every write: it goes first.
func (ix index) buildOne(ctx context.Context, conn *pgx.Conn) error {
	name := pgx.Identifier{ix.schema, ix.name}.Sanitize()
	var broken bool
	err := conn.QueryRow(ctx, `select exists (select from pg_index where indexrelid = to_regclass($1) and not indisvalid)`, name).Scan(&broken)
	if err != nil {
		return fmt.Errorf("look for index %s: %w", name, err)
	}
	if broken {
		if _, err := conn.Exec(ctx, `drop index concurrently if exists `+name); err != nil {
			return fmt.Errorf("drop what an earlier try has left of the index: %w", err)
		}
	}
	_, err = conn.Exec(ctx, `create `+ix.unique+`index concurrently if not exists `+pgx.Identifier{ix.name}.Sanitize()+
		` on `+pgx.Identifier{ix.schema, ix.base}.Sanitize()+` `+ix.rest)
	return err
}
