package migrations

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Planned is a script that Up would apply.
type Planned struct {
	Script string  `json:"script"`
	Alone  bool    `json:"alone"` // its statements run one by one, not in one transaction
	Steps  []*Step `json:"steps"`
}

// Step is a statement of a script, and what it does to those who work with the database meanwhile.
type Step struct {
	Line  int    `json:"line"`
	SQL   string `json:"sql"`
	Locks []Lock `json:"locks"` // of tables that are there already; what is new nobody waits for
	// Work says what takes the time, "" where it is a change of the catalogue only.
	Work string `json:"work"`
	// Estimate is about how long the work takes on one core, from the planner's figures of the
	// tables; a change of the catalogue takes an instant once it has its locks.
	Estimate time.Duration `json:"estimate_ns"`
}

// Lock is one that a statement takes, and holds until its transaction ends.
type Lock struct {
	Table string `json:"table"`
	Mode  string `json:"mode"`  // as in pg_locks, in words: access exclusive
	Stops string `json:"stops"` // whom: nobody, changes of the table, writes, everybody
	Rows  int64  `json:"rows"`  // the planner's figure; -1 where it has none
	Bytes int64  `json:"bytes"` // without indexes
}

// What a core does in a second, for the estimates: read off the embedded server, and cautious. They tell
// a second from an hour and no more.
const (
	scannedBytes = 100 << 20 // of a table that is read
	indexedBytes = 25 << 20  // of a table that gets an index
	writtenRows  = 20_000    // rows that are inserted, updated or deleted, with their indexes
)

// mode is a lock and whom it stops.
type mode struct{ name, stops string }

var (
	rowExclusive    = mode{"row exclusive", "nobody"}
	shareUpdate     = mode{"share update exclusive", "changes of the table"}
	share           = mode{"share", "writes"}
	shareRow        = mode{"share row exclusive", "writes"}
	accessExclusive = mode{"access exclusive", "everybody"}
)

// table is the name of a table in the pattern of a statement.
const table = `(?:only\s+)?((?:[a-z_]+\.)?(?:[a-z_][a-z0-9_]*|"[^"]+"))`

// kinds are the kinds of statements that lock a table, the first that matches. Whatever matches
// none of them locks no table that is there.
var kinds = []struct {
	pattern *regexp.Regexp
	mode    mode
	work    string
}{
	{startsWith(`create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?\S+\s+on\s+` + table), shareUpdate, "builds an index"},
	{startsWith(`create\s+(?:unique\s+)?index\s+(?:if\s+not\s+exists\s+)?\S+\s+on\s+` + table), share, "builds an index"},
	{startsWith(`alter\s+table\s+(?:if\s+exists\s+)?` + table + `[^;]*\b(?:alter\s+(?:column\s+)?\w+\s+(?:set\s+data\s+)?type|set\s+logged|set\s+unlogged|add\s+column[^,;]*\bgenerated\s+always\s+as\s*\()`), accessExclusive, "writes the table anew"},
	{startsWith(`alter\s+table\s+(?:if\s+exists\s+)?` + table + `[^;]*\badd\s+(?:constraint\s+\S+\s+)?(?:primary\s+key|unique)\b`), accessExclusive, "builds an index"},
	{startsWith(`alter\s+table\s+(?:if\s+exists\s+)?` + table + `[^;]*\b(?:set\s+not\s+null|add\s+(?:constraint\s+\S+\s+)?check)\b`), accessExclusive, "reads the table"},
	{startsWith(`alter\s+table\s+(?:if\s+exists\s+)?` + table + `[^;]*\bvalidate\s+constraint\b`), shareUpdate, "reads the table"},
	{startsWith(`alter\s+table\s+(?:if\s+exists\s+)?` + table + `\s+(?:set\s*\(|reset\s*\()`), shareUpdate, ""},
	{startsWith(`alter\s+table\s+(?:if\s+exists\s+)?` + table), accessExclusive, ""},
	{startsWith(`drop\s+(?:table|view|materialized\s+view)\s+(?:if\s+exists\s+)?` + table), accessExclusive, ""},
	{startsWith(`(?:create|alter|drop)\s+policy\s+(?:if\s+exists\s+)?\S+\s+on\s+` + table), accessExclusive, ""},
	{startsWith(`create\s+(?:or\s+replace\s+)?(?:constraint\s+)?trigger\s+[\s\S]*?\son\s+` + table), shareRow, ""},
	{startsWith(`drop\s+trigger\s+(?:if\s+exists\s+)?\S+\s+on\s+` + table), accessExclusive, ""},
	{startsWith(`truncate\s+(?:table\s+)?` + table), accessExclusive, ""},
	{startsWith(`comment\s+on\s+(?:table|column)\s+` + table), shareUpdate, ""},
	{startsWith(`call\s+core\.protect\('([^']+)'\)`), accessExclusive, ""},
	{startsWith(`insert\s+into\s+` + table + `[\s\S]*\bselect\b`), rowExclusive, "writes rows"},
	{startsWith(`insert\s+into\s+` + table), rowExclusive, ""},
	{startsWith(`update\s+` + table), rowExclusive, "writes rows"},
	{startsWith(`delete\s+from\s+` + table), rowExclusive, "writes rows"},
}

func startsWith(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)\A(?:` + pattern + `)`)
}

var (
	source     = regexp.MustCompile(`(?i)\b(?:from|join)\s+` + table)
	references = regexp.MustCompile(`(?i)\breferences\s+` + table)
	doBlock    = regexp.MustCompile(`(?is)\Ado\s+\$(\w*)\$(.*)\$\w*\$\s*\z`)
	foreach    = regexp.MustCompile(`(?is)\bforeach\s+\w+\s+in\s+array\s+array\[([^\]]*)\]`)
	executes   = regexp.MustCompile(`(?is)\bexecute\s+(?:format\()?'((?:[^']|'')*)'`)
	opens      = regexp.MustCompile(`(?i)\b(?:begin|then|else|loop|declare)$`) // what a statement of a block may come after
	begins     = regexp.MustCompile(`(?i)\A(?:begin|commit)\z`)
)

// Plan says what Up would do, and changes nothing. Locks and times follow from the text of the
// scripts and the planner's figures: they are not tried. What a script has PostgreSQL execute as text
// that it puts together is shown as far as the text is in the script.
func Plan(ctx context.Context, conn *pgx.Conn) ([]Planned, error) {
	if err := checkServer(ctx, conn); err != nil {
		return nil, err
	}
	states, err := Status(ctx, conn)
	if err != nil {
		return nil, err
	}
	sizes := sizes{conn: conn, known: map[string]*Lock{}}
	plans := []Planned{}
	for _, s := range states {
		if s.AppliedAt != nil {
			continue
		}
		p, err := s.Script.plan(ctx, sizes)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", s.Name, err)
		}
		plans = append(plans, p)
	}
	return plans, nil
}

func (s Script) plan(ctx context.Context, sizes sizes) (Planned, error) {
	p := Planned{Script: s.Name, Alone: aloneHeader.MatchString(s.Text)}
	list, err := statements(s.Text)
	if err != nil {
		return p, err
	}
	for _, st := range list {
		if begins.MatchString(st.text) {
			continue
		}
		step := &Step{Line: st.line, SQL: st.text, Locks: []Lock{}}
		if err := step.look(ctx, st.text, sizes); err != nil {
			return p, err
		}
		p.Steps = append(p.Steps, step)
	}
	return p, nil
}

// look adds what a statement does to the step; the statements inside of a DO block, too.
func (s *Step) look(ctx context.Context, text string, sizes sizes) error {
	if m := doBlock.FindStringSubmatch(text); m != nil {
		return s.lookInside(ctx, m[2], sizes)
	}
	for _, k := range kinds {
		m := k.pattern.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		lock, err := sizes.of(ctx, m[1])
		if err != nil {
			return err
		}
		if lock != nil {
			s.add(*lock, k.mode)
		}
		return s.estimate(ctx, k.work, text, lock, sizes)
	}
	// A new table that refers to one that is there.
	for _, m := range references.FindAllStringSubmatch(text, -1) {
		lock, err := sizes.of(ctx, m[1])
		if err != nil {
			return err
		}
		if lock != nil {
			s.add(*lock, shareRow)
		}
	}
	return nil
}

// lookInside looks at the statements of a block of PL/pgSQL: those that stand at the beginning of
// a line, and what it executes.
func (s *Step) lookInside(ctx context.Context, body string, sizes sizes) error {
	each := []string{""} // what the loop at hand goes through, to stand for the first %s
	for line := range strings.SplitSeq(body, ";") {
		if m := foreach.FindStringSubmatch(line); m != nil {
			each = each[:0]
			for name := range strings.SplitSeq(m[1], ",") {
				each = append(each, strings.Trim(strings.TrimSpace(name), "'"))
			}
		}
		// Behind the words of the block itself, such as begin and then.
		for {
			line = strings.TrimSpace(line)
			word, rest, found := strings.Cut(line, "\n")
			if !found || !strings.HasPrefix(word, "--") && !opens.MatchString(strings.TrimSpace(word)) {
				break
			}
			line = rest
		}
		if m := executes.FindStringSubmatch(line); m != nil {
			line = strings.ReplaceAll(m[1], "''", "'")
		}
		for _, name := range each {
			if err := s.look(ctx, strings.Replace(line, "%s", name, 1), sizes); err != nil {
				return err
			}
			if !strings.Contains(line, "%s") {
				break
			}
		}
	}
	return nil
}

// estimate adds the time of the work on a table that is there, and on those that are read for it.
func (s *Step) estimate(ctx context.Context, work, text string, lock *Lock, sizes sizes) error {
	var took time.Duration
	switch work {
	case "builds an index":
		took = perSecond(bytesOf(lock), indexedBytes)
	case "writes the table anew":
		took = perSecond(bytesOf(lock), indexedBytes)
	case "reads the table":
		if strings.HasSuffix(strings.ToLower(strings.TrimSpace(text)), "not valid") {
			return nil // old rows are not looked at
		}
		took = perSecond(bytesOf(lock), scannedBytes)
	case "writes rows":
		// As many rows as the largest table has that they come from, itself for an update.
		rows := int64(0)
		from := source.FindAllStringSubmatch(text, -1)
		if lock != nil && !strings.HasPrefix(strings.ToLower(text), "insert") {
			from = append(from, []string{"", lock.Table})
		}
		for _, m := range from {
			of, err := sizes.of(ctx, m[1])
			if err != nil {
				return err
			}
			if of != nil {
				rows = max(rows, of.Rows)
			}
		}
		took = perSecond(rows, writtenRows)
	}
	if took > 0 {
		s.Work, s.Estimate = work, s.Estimate+took
	}
	return nil
}

func bytesOf(l *Lock) int64 {
	if l == nil {
		return 0
	}
	return l.Bytes
}

func perSecond(n, each int64) time.Duration {
	return time.Duration(float64(n) / float64(each) * float64(time.Second))
}

// add notes a lock; of two on one table the stronger counts, which is the later in the list.
func (s *Step) add(lock Lock, m mode) {
	lock.Mode, lock.Stops = m.name, m.stops
	order := []string{rowExclusive.name, shareUpdate.name, share.name, shareRow.name, accessExclusive.name}
	for i, have := range s.Locks {
		if have.Table == lock.Table {
			if slices.Index(order, have.Mode) < slices.Index(order, lock.Mode) {
				s.Locks[i] = lock
			}
			return
		}
	}
	s.Locks = append(s.Locks, lock)
}

// sizes are the planner's figures of tables.
type sizes struct {
	conn  *pgx.Conn
	known map[string]*Lock
}

// of returns the figures of a table; nil where there is none of that name. Partitions count for
// the table that they are of.
func (s sizes) of(ctx context.Context, name string) (*Lock, error) {
	name = strings.ToLower(name)
	if l, ok := s.known[name]; ok {
		return l, nil
	}
	l := &Lock{Table: strings.ReplaceAll(name, `"`, "")}
	schema, table, qualified := strings.Cut(name, ".")
	if !qualified {
		schema, table = "", name
	}
	// By the catalogue's rows: to resolve a name takes a right on its schema.
	err := s.conn.QueryRow(ctx, `
		with recursive t as (
			select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where (n.nspname = $1 or $1 = '' and n.nspname = any ($3)) and c.relname = $2 and c.relkind in ('r', 'p', 'm', 'v')
			union all
			select h.inhrelid from pg_inherits h join t on h.inhparent = t.oid
		)
		select coalesce(sum(case when c.relkind = 'p' then 0 else greatest(c.reltuples, -1) end), -1)::bigint,
		       coalesce(sum(case when c.relkind = 'p' then 0 else c.relpages::bigint end), 0)::bigint * current_setting('block_size')::bigint
		from t join pg_class c on c.oid = t.oid
		having count(*) > 0`, schema, strings.Trim(table, `"`), modules).Scan(&l.Rows, &l.Bytes)
	if errors.Is(err, pgx.ErrNoRows) {
		l, err = nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("figures of %s: %w", name, err)
	}
	s.known[name] = l
	return l, nil
}
