package ingest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize"
)

// feed is a document of a feed that comes whole.
type feed struct {
	said     *normalize.Feed
	released time.Time // zero: unknown, the oldest
	hash     [32]byte
	document id.ID
}

// newer reports whether f speaks in place of o; speak.sql says the same.
func (f feed) newer(o feed) bool {
	if !f.released.Equal(o.released) {
		return f.released.After(o.released)
	}
	return bytes.Compare(f.hash[:], o.hash[:]) > 0
}

// addFeed keeps the newest document of each feed: of a year of daily files in one
// transaction only the last is written.
func (r *rows) addFeed(t *task) {
	said := t.doc.Feed
	if said == nil {
		return
	}
	f := feed{said: said, released: t.doc.Time, hash: t.hash, document: t.documentID}
	for _, instead := range [...]time.Time{t.env.ObservedAt, said.LastAdded} {
		if f.released.IsZero() {
			f.released = instead
		}
	}
	// What is compared is what is stored: microseconds, as PostgreSQL has them.
	f.released = f.released.Truncate(time.Microsecond)
	if old, ok := r.feeds[said.Name]; !ok || f.newer(old) {
		r.feeds[said.Name] = f
	}
}

// writeFeeds makes the tables of feeds what their newest documents say. It goes first in a
// transaction: of two that bring documents of one feed the second waits here, before it holds
// anything that the first one may want.
func (r *rows) writeFeeds(ctx context.Context, tx pgx.Tx, tenant id.ID) error {
	for _, name := range slices.Sorted(maps.Keys(r.feeds)) {
		f := r.feeds[name]
		tag, err := tx.Exec(ctx, sqlSpeak, tenant, name, nullTime(f.released), clip(clean(f.said.Version), 200), f.hash[:], f.document, f.said.Entries())
		if err != nil {
			return fmt.Errorf("newest document of %s: %w", name, err)
		}
		if tag.RowsAffected() == 0 {
			continue // a newer one speaks
		}
		if err := f.write(ctx, tx, tenant); err != nil {
			return fmt.Errorf("%d entries of %s: %w", f.said.Entries(), name, err)
		}
	}
	return nil
}

func (f feed) write(ctx context.Context, tx pgx.Tx, tenant id.ID) error {
	if f.said.Name == normalize.FeedKEV {
		return f.writeExploited(ctx, tx, tenant)
	}
	return f.writeScores(ctx, tx, tenant)
}

// writeScores writes what is another than it is stored: of the day before 95 % are the same.
func (f feed) writeScores(ctx context.Context, tx pgx.Tx, tenant id.ID) error {
	rows, err := tx.Query(ctx, sqlScores, tenant)
	if err != nil {
		return fmt.Errorf("stored scores: %w", err)
	}
	differ, gone, err := difference(rows, f.said.Scores)
	if err != nil {
		return fmt.Errorf("stored scores: %w", err)
	}
	if len(differ)+len(gone) == 0 {
		return nil
	}
	row := make([]any, 3) // of all lines: there are 300,000
	list := pgx.CopyFromSlice(len(differ), func(i int) ([]any, error) {
		s := &f.said.Scores[differ[i]]
		row[0], row[1], row[2] = s.VulnID, s.Score, s.Percentile
		return row, nil
	})
	return merge(ctx, tx, "t_score", []string{"vuln_id", "score", "percentile"}, list, sqlMergeScores, tenant, nullTime(f.released), gone)
}

// difference compares what is stored with what a file says, both in the order of their ids: it
// returns which lines are new or another, and which ids the file does not have.
func difference(stored pgx.Rows, said []normalize.Score) (differ []int32, gone []string, err error) {
	gone = []string{}
	next := 0
	var have normalize.Score
	_, err = pgx.ForEachRow(stored, []any{&have.VulnID, &have.Score, &have.Percentile}, func() error {
		for next < len(said) && said[next].VulnID < have.VulnID {
			differ = append(differ, int32(next))
			next++
		}
		switch {
		case next == len(said) || said[next].VulnID != have.VulnID:
			gone = append(gone, have.VulnID)
			return nil
		case said[next] != have:
			differ = append(differ, int32(next))
		}
		next++
		return nil
	})
	for ; next < len(said); next++ {
		differ = append(differ, int32(next))
	}
	return differ, gone, err
}

func (f feed) writeExploited(ctx context.Context, tx pgx.Tx, tenant id.ID) error {
	list := pgx.CopyFromSlice(len(f.said.Exploited), func(i int) ([]any, error) {
		e := f.said.Exploited[i]
		return []any{clean(e.VulnID), clip(clean(e.Name), maxText), nullTime(e.Added), nullTime(e.Due), e.Ransomware, clean(e.Action)}, nil
	})
	columns := []string{"vuln_id", "name", "date_added", "due_date", "ransomware", "action"}
	return merge(ctx, tx, "t_exploited", columns, list, sqlMergeExploited, tenant, f.document, nullTime(f.released))
}

// merge sends rows to a temporary table and has a statement move them on.
func merge(ctx context.Context, tx pgx.Tx, table string, columns []string, list pgx.CopyFromSource, sql string, args ...any) error {
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{table}, columns, list); err != nil {
		return fmt.Errorf("copy into %s: %w", table, err)
	}
	if _, err := tx.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("merge %s: %w", table, err)
	}
	// Another tenant's may follow in the same transaction.
	if _, err := tx.Exec(ctx, "truncate "+table); err != nil {
		return fmt.Errorf("empty %s: %w", table, err)
	}
	return nil
}
