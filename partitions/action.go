package partitions

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Kind says what an Action does.
type Kind string

// The kinds, in the order of a pass over one table.
const (
	Finalizes  Kind = "finalize"  // finish a detach that was interrupted
	Creates    Kind = "create"    // make a partition and attach it
	Protects   Kind = "protect"   // give a partition its parent's row security, take others' rights
	Summarizes Kind = "summarize" // BRIN indexes of a partition that has ended
	Detaches   Kind = "detach"    // take an expired partition out
	Exports    Kind = "export"    // write it to a file
	Drops      Kind = "drop"      // drop it
	Analyzes   Kind = "analyze"   // statistics of the table as a whole
	Steps      Kind = "step"      // the next step becomes the step
)

// Action is one thing that a pass does, or would do.
type Action struct {
	Kind      Kind     `json:"action"`
	Parent    string   `json:"parent"`
	Partition string   `json:"partition,omitempty"`
	Span      *Span    `json:"span,omitempty"`
	SQL       []string `json:"sql,omitempty"`     // of a plan: the statements, each on its own
	File      string   `json:"file,omitempty"`    // of an export
	Rows      int64    `json:"rows,omitempty"`    // of an export
	Seconds   float64  `json:"seconds,omitempty"` // of what was done
}

// TablePlan is what a pass would do to one table.
type TablePlan struct {
	Parent  string   `json:"parent"`
	Actions []Action `json:"actions"`
	Error   string   `json:"error,omitempty"` // why nothing can be planned, or what is in the way
}

// Plan says what Maintain would do at time now, with the exact statements, and does nothing.
func Plan(ctx context.Context, conn *pgx.Conn, now time.Time, cfg Config) ([]TablePlan, error) {
	cfg = cfg.defaults()
	list, err := policies(ctx, conn, "")
	if err != nil {
		return nil, err
	}
	var out []TablePlan
	for _, p := range list {
		plan := TablePlan{Parent: p.Parent}
		err := pinned(ctx, conn, func(tx pgx.Tx) error {
			t, err := readTable(ctx, tx, p, now)
			if err != nil {
				return err
			}
			plan.Actions, err = t.plan(ctx, tx, now, cfg)
			if err == nil {
				err = t.trouble(cfg)
			}
			return err
		})
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			plan.Error = err.Error()
		}
		out = append(out, plan)
	}
	return out, nil
}

// trouble is what a pass cannot put right by itself.
func (t *table) trouble(cfg Config) error {
	if d := t.defaultPart(); d != nil {
		return fmt.Errorf("%s is a default partition: attaching others would lock and read it, and nothing can be detached concurrently; move its rows away, `alter table %s detach partition %s` and drop it",
			d.name(), t.ident, d.ident())
	}
	return t.exportTrouble(cfg)
}

// exportTrouble is why nothing can be exported, found before anything is detached for it.
func (t *table) exportTrouble(cfg Config) error {
	if t.OnExpiry != Export || !t.Retention.Valid {
		return nil
	}
	if cfg.ExportDir == "" {
		return errors.New("its policy exports what has expired, and no folder is given for that: use --export-dir")
	}
	if _, err := os.ReadDir(cfg.ExportDir); err != nil {
		return fmt.Errorf("its policy exports what has expired, and the folder for that (--export-dir) cannot be used: %w", err)
	}
	return nil
}

func (t *table) plan(ctx context.Context, tx pgx.Tx, now time.Time, cfg Config) ([]Action, error) {
	var out []Action
	if p := t.pendingPart(); p != nil {
		s := p.span()
		out = append(out, Action{Kind: Finalizes, Parent: t.Parent, Partition: p.name(), Span: &s, SQL: []string{
			setLockTimeout(cfg.DetachTimeout, false), t.finalizeSQL(p.ident()),
		}})
	}
	names := namer{}
	for _, due := range t.due(now) {
		for _, gap := range due.gaps(t.spans()) {
			name, statements, err := t.createSQL(ctx, tx, gap, names)
			if err != nil {
				return nil, err
			}
			all := append([]string{"begin", setLockTimeout(cfg.LockTimeout, true)}, statements...)
			out = append(out, Action{Kind: Creates, Parent: t.Parent, Partition: name, Span: &gap, SQL: append(all, "commit")})
		}
	}
	for _, p := range t.parts {
		if p.Unprotected != "" {
			out = append(out, Action{Kind: Protects, Parent: t.Parent, Partition: p.name(), SQL: []string{protectSQL(p.ident(), t.ident)}})
		}
	}
	closing := t.closing(now)
	for _, p := range closing {
		if sql := summarizeSQL(p); sql != nil {
			out = append(out, Action{Kind: Summarizes, Parent: t.Parent, Partition: p.name(), SQL: sql})
		}
	}
	for _, r := range t.unfinished {
		out = append(out, t.retirePlan(r, cfg)...)
	}
	for _, p := range t.expiredParts(now, cfg.MaxRetire) {
		out = append(out, t.detachPlan(p, cfg)...)
	}
	if t.stepDue(now) {
		out = append(out, Action{Kind: Steps, Parent: t.Parent, SQL: []string{t.stepSQL()}})
	}
	if len(closing) > 0 || t.analyzeDue(now) {
		out = append(out, Action{Kind: Analyzes, Parent: t.Parent, SQL: []string{t.analyzeSQL()}})
	}
	return out, nil
}

// detachPlan is the whole way of a partition that has expired.
func (t *table) detachPlan(p part, cfg Config) []Action {
	s := p.span()
	out := []Action{{Kind: Detaches, Parent: t.Parent, Partition: p.name(), Span: &s, SQL: []string{
		t.recordSQL(p, t.OnExpiry), setLockTimeout(cfg.DetachTimeout, false), t.detachSQL(p.ident()), stateSQL(p.OID, "detaching", "detached"),
	}}}
	return append(out, t.afterPlan(p.name(), p.ident(), p.OID, s, t.OnExpiry, "detached", cfg)...)
}

// retirePlan is what is left to do of one that was begun.
func (t *table) retirePlan(r retired, cfg Config) []Action {
	s, name := r.span(), identOf(r.Name)
	switch {
	case !r.Exists:
		return []Action{{Kind: Drops, Parent: t.Parent, Partition: r.Name, Span: &s, SQL: []string{stateSQL(r.RelID, r.State, "dropped")}}}
	case r.Pending: // by the plan of what is pending
		return t.afterPlan(r.Name, name, r.RelID, s, t.after(r), "detached", cfg)
	case r.Attached && r.State == "detaching":
		out := []Action{{Kind: Detaches, Parent: t.Parent, Partition: r.Name, Span: &s, SQL: []string{
			setLockTimeout(cfg.DetachTimeout, false), t.detachSQL(name), stateSQL(r.RelID, "detaching", "detached"),
		}}}
		return append(out, t.afterPlan(r.Name, name, r.RelID, s, t.after(r), "detached", cfg)...)
	case r.Attached:
		return nil
	}
	return t.afterPlan(r.Name, name, r.RelID, s, t.after(r), r.State, cfg)
}

func (t *table) afterPlan(name, child string, oid uint32, s Span, expiry Expiry, state string, cfg Config) []Action {
	var out []Action
	if expiry == Export && state != "exported" {
		out = append(out, Action{
			Kind: Exports, Parent: t.Parent, Partition: name, Span: &s, File: filepath.Join(cfg.ExportDir, exportName(name, "*")),
			SQL: []string{unforceSQL(child), fmt.Sprintf("copy %s to stdout", child), stateSQL(oid, "detached", "exported")},
		})
	}
	if expiry == Export || expiry == Drop {
		out = append(out, Action{Kind: Drops, Parent: t.Parent, Partition: name, Span: &s, SQL: append(append(
			[]string{"begin", setLockTimeout(cfg.LockTimeout, true), lockSQL(child)}, dropSQL(child, oid)...), "commit")})
	}
	return out
}

// after is what becomes of r in the end. Where the policy has become more careful since the
// retirement began, it counts.
func (t *table) after(r retired) Expiry {
	switch {
	case r.OnExpiry == Detach || t.OnExpiry == Keep || t.OnExpiry == Detach || !t.Retention.Valid:
		return Detach
	case t.OnExpiry == Export:
		return Export
	default:
		return r.OnExpiry
	}
}

func (t *table) detachSQL(child string) string {
	return fmt.Sprintf("alter table %s detach partition %s concurrently", t.ident, child)
}

func (t *table) finalizeSQL(child string) string {
	return fmt.Sprintf("alter table %s detach partition %s finalize", t.ident, child)
}

func (t *table) recordSQL(p part, expiry Expiry) string {
	low, high := "'-infinity'", "'infinity'"
	if s := p.span(); !s.From.IsZero() {
		low = literal(s.From)
	}
	if s := p.span(); !s.To.Equal(endOfTime) {
		high = literal(s.To)
	}
	return fmt.Sprintf("insert into core.retired_partition (parent, name, relid, low, high, on_expiry) values (%s, %s, %d, %s, %s, %s) "+
		"on conflict (parent, relid) where state in ('detaching', 'detached', 'exported') do update set state = 'detaching', on_expiry = excluded.on_expiry, updated_at = now()",
		quote(t.Parent), quote(p.name()), p.OID, low, high, quote(string(expiry)))
}

func stateSQL(oid uint32, from, to string) string {
	return fmt.Sprintf("update core.retired_partition set state = %s, updated_at = now() where relid = %d and state = %s", quote(to), oid, quote(from))
}

// unforceSQL lets the owner, who alone has rights on a detached partition, read all of it:
// under forced row security COPY would find no row, and say nothing.
func unforceSQL(child string) string {
	return fmt.Sprintf("alter table %s no force row level security", child)
}

// lockSQL goes before a drop, so that what is found out about the table stays true.
func lockSQL(child string) string { return "lock table " + child + " in access exclusive mode" }

func dropSQL(child string, oid uint32) []string {
	return []string{
		"drop table " + child,
		fmt.Sprintf("update core.retired_partition set state = 'dropped', updated_at = now() where relid = %d and state in ('detached', 'exported')", oid),
	}
}

func summarizeSQL(p part) []string {
	var out []string
	for _, index := range p.BRIN {
		out = append(out, fmt.Sprintf("select pg_catalog.brin_summarize_new_values(%s)", quote(index)))
	}
	return out
}

func (t *table) analyzeSQL() string {
	if t.server >= 18 {
		return "analyze (skip_locked) only " + t.ident // its partitions are autovacuum's
	}
	return "analyze (skip_locked) " + t.ident
}

// stepDue: all that is due has the next step, and lies as if there had never been another.
func (t *table) stepDue(now time.Time) bool {
	due := t.due(now)
	if t.NextStep == "" || len(due) == 0 {
		return false
	}
	from, _ := t.NextStep.Bounds(due[0].From)
	return !from.Before(t.NextFrom.Time)
}

func (t *table) stepSQL() string {
	return fmt.Sprintf("update core.partition_policy set step = next_step, next_step = null, next_step_from = null, updated_at = now() where parent = %s and next_step = %s",
		quote(t.Parent), quote(string(t.NextStep)))
}

// identOf quotes schema.table.
func identOf(name string) string {
	schema, table, _ := strings.Cut(name, ".")
	return ident(schema, table)
}
