package maintenance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/lead"
	"sluice/internal/pg"
)

// Outcome is what became of one run of a task.
type Outcome struct {
	Task   string `json:"task"`
	DryRun bool   `json:"dry_run"`
	// Elsewhere: another process is at it, so this one left it alone.
	Elsewhere bool    `json:"elsewhere"`
	Seconds   float64 `json:"seconds"`
	Rows      int64   `json:"rows"`
	Bytes     int64   `json:"bytes"`
	What      string  `json:"what"`
	Error     string  `json:"error,omitempty"`
}

// Once runs one task now, unless another process is at it, and notes what came of it. A dry
// run takes no lead and notes nothing. The error is the task's.
func Once(ctx context.Context, pool *pgxpool.Pool, t Task, dryRun bool) (Outcome, error) {
	if !dryRun {
		return once(ctx, pool, t, lead.Somebody(), 0)
	}
	out := Outcome{Task: t.Name, DryRun: true}
	start := time.Now()
	r, err := t.guarded(ctx, pool, true)
	out.fill(r, err, start)
	return out, err
}

// once is Once for real. The task is a job of its own: a process that dies in it is waited for until
// its lease runs out, and one that comes back after that finds what it writes refused.
func once(ctx context.Context, pool *pgxpool.Pool, t Task, who lead.Holder, lease time.Duration) (out Outcome, err error) {
	out.Task = t.Name
	start := time.Now()
	term, err := lead.Take(ctx, pool, lead.Task(t.Name), who, lease)
	if err != nil || term == nil {
		out.Elsewhere = err == nil
		out.fill(Result{}, err, start)
		return out, err
	}
	err = term.Serve(ctx, func(ctx context.Context) error {
		ctx = term.Within(ctx)
		if err := exec(ctx, pool, sqlBegin, t.Name); err != nil {
			err = fmt.Errorf("note that %s begins: %w", t.Name, err)
			out.fill(Result{}, err, start)
			return err
		}
		r, err := t.guarded(ctx, pool, false)
		err = pg.Tell(pg.RoleOf(pool), err) // in last_error too
		out.fill(r, err, start)
		if err != nil && ctx.Err() != nil {
			return err // it was told to stop: that is no failure
		}
		return errors.Join(err, note(ctx, pool, out))
	})
	return out, err
}

// exec runs a statement in a transaction, which the context's fence is asked about.
func exec(ctx context.Context, pool *pgxpool.Pool, sql string, args ...any) error {
	return pg.InTx(ctx, pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql, args...)
		return err
	})
}

// Due tells whether the task's time has come, give or take a twentieth, by its last success on any process.
func Due(ctx context.Context, pool *pgxpool.Pool, t Task) (bool, error) {
	var since *time.Duration
	err := pool.QueryRow(ctx, sqlSinceSuccess, t.Name).Scan(&since)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return false, fmt.Errorf("when %s ran last: %w", t.Name, err)
	}
	return since == nil || *since >= t.Every-t.Every/20, nil
}

// guarded runs the task; a defect in one must not end the process, and with it the others.
func (t Task) guarded(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (r Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return t.Run(ctx, pool, dryRun)
}

func (o *Outcome) fill(r Result, err error, start time.Time) {
	o.Rows, o.Bytes, o.What, o.Seconds = r.Rows, r.Bytes, r.What, time.Since(start).Seconds()
	if err != nil {
		o.Error = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
}

func note(ctx context.Context, pool *pgxpool.Pool, o Outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var failed *string
	if o.Error != "" {
		failed = &o.Error
	}
	if err := exec(ctx, pool, sqlEnd, o.Task, failed, int64(o.Seconds*1000), o.Rows, o.Bytes, o.What); err != nil {
		return fmt.Errorf("note what came of %s: %w", o.Task, err)
	}
	return nil
}

// Status is what is known of a task, whoever ran it.
type Status struct {
	Task        string     `json:"task"`
	LastStarted *time.Time `json:"last_started"`
	LastSuccess *time.Time `json:"last_success"`
	LastError   string     `json:"last_error"` // of the last run; "" where it succeeded
	DurationMS  int64      `json:"duration_ms"`
	Rows        int64      `json:"rows"`  // of the last run that succeeded, as are bytes and what
	Bytes       int64      `json:"bytes"` // of documents
	What        string     `json:"what"`
	Failures    int64      `json:"failures"` // ever
}

// Statuses reads what is known of all tasks that ever ran.
func Statuses(ctx context.Context, pool *pgxpool.Pool) (map[string]Status, error) {
	rows, err := pool.Query(ctx, sqlStatus)
	if err != nil {
		return nil, fmt.Errorf("status of maintenance: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Status])
	if err != nil {
		return nil, fmt.Errorf("status of maintenance: %w", err)
	}
	out := make(map[string]Status, len(list))
	for _, s := range list {
		out[s.Task] = s
	}
	return out, nil
}

// loadState reads what a task has noted for its next run.
func loadState(ctx context.Context, pool *pgxpool.Pool, task string, into any) error {
	var raw []byte
	err := pool.QueryRow(ctx, sqlLoadState, task).Scan(&raw)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return fmt.Errorf("state of %s: %w", task, err)
	}
	return nil
}

func saveState(ctx context.Context, pool *pgxpool.Pool, task string, state any) error {
	raw, err := json.Marshal(state)
	if err == nil {
		err = exec(ctx, pool, sqlSaveState, task, string(raw))
	}
	if err != nil {
		return fmt.Errorf("note the state of %s: %w", task, err)
	}
	return nil
}
