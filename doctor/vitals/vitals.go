// Package vitals says how a database is: what takes its time, what fills its disk, who holds whom
// up, and how far it is from standing still. Each answer has a verdict: fine, watch or act.
//
// It asks the server's own statistics and writes nothing. Start at Look; docs/operations.md explains
// the limits.
package vitals

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

var text = sqltext.From(sqlFiles)

var (
	sqlAbout        = text("about")
	sqlStatements   = text("statements")
	sqlCache        = text("cache")
	sqlTables       = text("tables")
	sqlIndexes      = text("indexes")
	sqlUnused       = text("unused")
	sqlTransactions = text("transactions")
	sqlLocks        = text("locks")
	sqlSlots        = text("slots")
	sqlWraparound   = text("wraparound")
)

// Verdict says whether somebody has to do something.
type Verdict string

// The verdicts, from good to bad.
const (
	Fine  Verdict = "fine"
	Watch Verdict = "watch" // it may become something: look at it again
	Act   Verdict = "act"   // do what the row says
)

// Row is one answer.
type Row struct {
	Check   string  `json:"check"`
	Object  string  `json:"object"` // what it is about: a table, a process
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail"` // more about it, and what to do where the verdict is not fine
}

// looker collects the answers.
type looker struct {
	conn  *pgx.Conn
	top   int
	since time.Time // the server counts
	rows  []Row
}

// Look asks everything; top is how many statements, tables and indexes are listed.
func Look(ctx context.Context, conn *pgx.Conn, top int) ([]Row, error) {
	l := &looker{conn: conn, top: top}
	// Whoever looks must not become one more who waits.
	if _, err := conn.Exec(ctx, `select set_config('lock_timeout', '2s', false), set_config('statement_timeout', '60s', false)`); err != nil {
		return nil, err
	}
	for _, ask := range []struct {
		check string
		fn    func(context.Context, string) error
	}{
		{"statement", l.statements},
		{"cache", l.cache},
		{"table", l.tables},
		{"index", l.indexes},
		{"unused index", l.unused},
		{"transaction", l.transactions},
		{"lock", l.locks},
		{"slot", l.slots},
		{"wraparound", l.wraparound},
	} {
		if err := ask.fn(ctx, ask.check); err != nil {
			return nil, fmt.Errorf("look at %s: %w", ask.check, err)
		}
	}
	return l.rows, nil
}

// Worst is the worst verdict of rows.
func Worst(rows []Row) Verdict {
	worst := Fine
	for _, r := range rows {
		if order := []Verdict{Fine, Watch, Act}; slices.Index(order, r.Verdict) > slices.Index(order, worst) {
			worst = r.Verdict
		}
	}
	return worst
}

func (l *looker) add(r Row) { l.rows = append(l.rows, r) }

// none is the answer of a check that found nothing to list.
func (l *looker) none(check, detail string) {
	if !slices.ContainsFunc(l.rows, func(r Row) bool { return r.Check == check }) {
		l.add(Row{Check: check, Unit: "found", Verdict: Fine, Detail: detail})
	}
}

// each runs a statement and calls fn for every row that was scanned into to.
func (l *looker) each(ctx context.Context, sql string, args []any, to []any, fn func()) error {
	rows, err := l.conn.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, to, func() error { fn(); return nil })
	return err
}

// enable says how the statements get counted.
const enable = "statements are not counted: set shared_preload_libraries = 'pg_stat_statements', restart the server, then `create extension pg_stat_statements` in this database, as superuser"

func (l *looker) statements(ctx context.Context, check string) error {
	var all, loaded bool
	var schema *string
	if err := l.conn.QueryRow(ctx, sqlAbout).Scan(&all, &l.since, &schema, &loaded); err != nil {
		return err
	}
	if !all {
		l.add(Row{Check: "rights", Unit: "found", Verdict: Watch, Detail: "the server shows this user only its own sessions and statements: have `grant pg_read_all_stats to USER` done by a superuser"})
	}
	if schema == nil || !loaded {
		l.add(Row{Check: check, Unit: "found", Verdict: Watch, Detail: enable})
		return nil
	}
	sql := strings.ReplaceAll(sqlStatements, "{schema}", pgx.Identifier{*schema}.Sanitize())
	var query string
	var calls int64
	var total, mean, longest float64
	err := l.each(ctx, sql, []any{l.top}, []any{&query, &calls, &total, &mean, &longest}, func() {
		l.add(Row{check, query, total, "seconds", statementVerdict(mean), fmt.Sprintf("%d calls, %.3g ms each, the longest %.3g ms", calls, mean*1000, longest*1000)})
	})
	l.none(check, "none was counted yet")
	return err
}

func (l *looker) cache(ctx context.Context, check string) error {
	var hit, read int64
	if err := l.conn.QueryRow(ctx, sqlCache).Scan(&hit, &read); err != nil {
		return err
	}
	ratio, verdict := cacheVerdict(hit, read)
	detail := fmt.Sprintf("%d of %d pages were in memory", hit, hit+read)
	if verdict != Fine {
		detail += ": give the server more shared_buffers, up to a quarter of the memory, or see which statement reads so much"
	}
	l.add(Row{check, "this database", ratio, "of reads", verdict, detail})
	return nil
}

func (l *looker) tables(ctx context.Context, check string) error {
	var name string
	var bytes, live, dead int64
	var bloat *float64
	var vacuumed *time.Time
	return l.each(ctx, sqlTables, []any{l.top}, []any{&name, &bytes, &live, &dead, &bloat, &vacuumed}, func() {
		verdict := deadVerdict(live, dead)
		detail := fmt.Sprintf("%d rows, %d dead, bloat %s, vacuumed %s", live, dead, percent(bloat), when(vacuumed))
		if b := bloatVerdict(bytes, bloat); b != Fine && verdict == Fine {
			verdict = b
			detail += ": `vacuum full` or pg_repack gives the space back, while nobody needs the table"
		} else if verdict != Fine {
			detail += ": run `vacuum (analyze)`; see whether an old transaction or slot below keeps it from cleaning"
		}
		l.add(Row{check, name, float64(bytes), "bytes", verdict, detail})
	})
}

func (l *looker) indexes(ctx context.Context, check string) error {
	var name string
	var bytes int64
	var bloat *float64
	return l.each(ctx, sqlIndexes, []any{l.top}, []any{&name, &bytes, &bloat}, func() {
		verdict, detail := bloatVerdict(bytes, bloat), "bloat "+percent(bloat)
		if verdict != Fine {
			detail += ": `reindex index concurrently " + name + "`"
		}
		l.add(Row{check, name, float64(bytes), "bytes", verdict, detail})
	})
}

func (l *looker) unused(ctx context.Context, check string) error {
	var name string
	var bytes int64
	err := l.each(ctx, sqlUnused, []any{unusedBytes}, []any{&name, &bytes}, func() {
		verdict := unusedVerdict(bytes, time.Since(l.since))
		l.add(Row{check, name, float64(bytes), "bytes", verdict, "not used since " + l.since.UTC().Format(time.DateOnly) + "; our own are for questions that come seldom: report it before you drop one"})
	})
	l.none(check, "each of 1 MB or more was used")
	return err
}

func (l *looker) transactions(ctx context.Context, check string) error {
	var name, state string
	var seconds float64
	err := l.each(ctx, sqlTransactions, nil, []any{&name, &seconds, &state}, func() {
		verdict, detail := transactionVerdict(seconds), state
		if verdict != Fine {
			detail += ": nothing that died since can be cleaned up; see what it is at, end it by pg_terminate_backend (a prepared one by rollback prepared)"
		}
		l.add(Row{check, name, seconds, "seconds", verdict, detail})
	})
	l.none(check, "none is open")
	return err
}

func (l *looker) locks(ctx context.Context, check string) error {
	var name, what, blockers string
	var seconds *float64
	err := l.each(ctx, sqlLocks, nil, []any{&name, &what, &seconds, &blockers}, func() {
		if seconds == nil {
			seconds = new(float64) // it has just begun
		}
		verdict, detail := lockVerdict(*seconds), "waits for "+what+", which process "+blockers+" has"
		if verdict != Fine {
			detail += ": see what that one is at, and end it by pg_terminate_backend if it is nothing"
		}
		l.add(Row{check, name, *seconds, "seconds", verdict, detail})
	})
	l.none(check, "nobody waits")
	return err
}

func (l *looker) slots(ctx context.Context, check string) error {
	var name, status string
	var active bool
	var bytes int64
	err := l.each(ctx, sqlSlots, nil, []any{&name, &active, &status, &bytes}, func() {
		verdict, detail := slotVerdict(active, status, bytes), "WAL is "+status
		if !active {
			detail += ", nobody reads"
		}
		if verdict != Fine {
			detail += ": start who reads it, or pg_drop_replication_slot('" + name + "'); the disk fills up otherwise"
		}
		l.add(Row{check, name, float64(bytes), "bytes", verdict, detail})
	})
	l.none(check, "there are no replication slots")
	return err
}

func (l *looker) wraparound(ctx context.Context, check string) error {
	var name string
	var age int64
	return l.each(ctx, sqlWraparound, nil, []any{&name, &age}, func() {
		verdict, detail := wraparoundVerdict(age), fmt.Sprintf("%.1f %% of the way", 100*float64(age)/transactionIDs)
		if verdict != Fine {
			detail += ": run `vacuum (freeze)` as superuser in this database; end what holds it back, above: transactions, slots"
		}
		l.add(Row{check, name, transactionIDs - float64(age), "transactions left", verdict, detail})
	})
}

func percent(share *float64) string {
	if share == nil {
		return "unknown"
	}
	return fmt.Sprintf("%.0f %%", 100**share)
}

func when(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
