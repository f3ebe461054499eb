package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/internal/pg"
)

func newRuns(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "Scan runs: who imported what, when, with which outcome",
	}
	var shared bool
	cmd.PersistentFlags().BoolVar(&shared, "shared", false, "those of the shared feed")
	var limit int
	var since string
	list := &cobra.Command{
		Use: "list", Short: "List scan runs, the newest first", Args: cobra.NoArgs,
		Long: `Lists scan runs, the newest first. An import that was killed leaves its run running; it is
shown as stale once nothing was heard of it for 15 minutes: neither a change of the run nor
an event. ` + "`sluice ingest file --scan-run`" + ` takes it up again.`,
		Example: "  sluice runs list --since 7d\n  sluice runs list --output json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usagef("--limit %d: it is 0, for all, or more", limit)
			}
			from, err := moment("--since", since)
			if err != nil {
				return err
			}
			return a.listRuns(cmd.Context(), shared, from, limit)
		},
	}
	list.Flags().IntVar(&limit, "limit", 20, "at most so many; 0 is all")
	list.Flags().StringVar(&since, "since", "", "only those that began since: 90m, 7d or a time")

	var show showRun
	showCmd := &cobra.Command{
		Use: "show RUN", Short: "Show what became of the documents of a scan run", Args: cobra.ExactArgs(1),
		Long: `Sums up the events of a scan run: documents by outcome, what was projected and found, how
long it took, why documents were parked. With --events it lists the events.

A projection may come long after the import. Events are looked for from the beginning of
the run until a week after its end; --until looks further.`,
		Example: "  sluice runs show 7\n  sluice runs show 7 --events --output csv",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if show.run, err = runNumber(args[0]); err != nil {
				return err
			}
			if show.limit < 0 {
				return usagef("--limit %d: it is 0, for all, or more", show.limit)
			}
			if show.until, err = moment("--until", show.until0); err != nil {
				return err
			}
			show.shared = shared
			return a.showRun(cmd.Context(), show)
		},
	}
	showCmd.Flags().BoolVar(&show.events, "events", false, "list the events, the oldest first")
	showCmd.Flags().IntVar(&show.limit, "limit", 1000, "with --events, at most so many; 0 is all")
	showCmd.Flags().StringVar(&show.until0, "until", "", "look at events until then: a time, or how long ago (0s is now)")

	var follow followRuns
	tail := &cobra.Command{
		Use: "tail [RUN]", Short: "Follow the events of a scan run, or of all", Args: cobra.MaximumNArgs(1),
		Long: `Prints events as they are committed, of one scan run or of all the tenant's, until it is
stopped. An event is printed once, in whatever order transactions commit, as long as it is
committed within 15 minutes of its time.`,
		Example: "  sluice runs tail\n  sluice runs tail 7 --since 10m --output json",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 1 {
				if follow.run, err = runNumber(args[0]); err != nil {
					return err
				}
			}
			if follow.since, err = moment("--since", follow.since0); err != nil {
				return err
			}
			follow.shared = shared
			return a.tailRuns(cmd.Context(), follow)
		},
	}
	tail.Flags().StringVar(&follow.since0, "since", "", "begin with the events since: 10m, 7d or a time")
	cmd.AddCommand(list, showCmd, tail)
	return cmd
}

func runNumber(arg string) (int64, error) {
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || n < 1 {
		return 0, usagef("%q is not the number of a scan run; see `sluice runs list`", arg)
	}
	return n, nil
}

// moment reads a time, or how long ago it was. The zero time is "".
func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return time.Now().AddDate(0, 0, -n), nil
		}
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, usagef("%s %q: it is a time like 2026-02-28T12:00:00Z, a day like 2026-02-28, or how long ago, like 90m or 7d", flag, text)
	}
	return time.Now().Add(-ago), nil
}

// runJSON is a scan run as list and show print it.
type runJSON struct {
	Run        int64           `json:"run"`
	Source     string          `json:"source"`
	Arguments  []string        `json:"arguments"`
	State      string          `json:"state"` // as stored, or stale
	StartedBy  string          `json:"started_by"`
	StartedAt  time.Time       `json:"started_at"`
	UpdatedAt  time.Time       `json:"updated_at"`
	FinishedAt *time.Time      `json:"finished_at"`
	Seconds    *float64        `json:"seconds"` // until it ended, or until now; null where it is stale
	Counts     json.RawMessage `json:"counts"`  // the summary; {} where the run did not write one

	counts struct{ Documents, Accepted, Duplicate, Unchanged, Parked *int64 }
}

// staleAfter is how long a run of files may be silent before nobody is believed to work
// on it: longer than an outage of the database usually is.
const staleAfter = 15 * time.Minute

// sqlRuns reads scan runs: $2 is one run or 0, $3 the beginning or null, $4 the number or 0.
// Whether one that is running was heard of since $5: a parameter, not now(), so that partitions
// that are older do not even have to be planned.
const sqlRuns = `
select r.id, r.source, r.arguments, r.state, r.started_by, r.created_at, r.updated_at, r.finished_at, r.counts,
  r.updated_at >= $5 or exists (
    select from ingest.scan_run_event
    where r.state = 'running' and tenant_id = $1 and scan_run_id = r.id and occurred_at >= $5 offset 0)
from (
  select * from ingest.scan_run
  where tenant_id = $1 and ($2 = 0 or id = $2) and ($3::timestamptz is null or created_at >= $3)
  order by id desc limit nullif($4, 0)) as r
order by r.id desc`

func readRuns(ctx context.Context, tx pgx.Tx, tenant id.ID, run int64, since time.Time, limit int) ([]runJSON, error) {
	var from *time.Time
	if !since.IsZero() {
		from = &since
	}
	var now time.Time
	if err := tx.QueryRow(ctx, `select now()`).Scan(&now); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, sqlRuns, tenant, run, from, limit, now.Add(-staleAfter))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (runJSON, error) {
		var r runJSON
		var heard bool
		err := row.Scan(&r.Run, &r.Source, &r.Arguments, &r.State, &r.StartedBy, &r.StartedAt, &r.UpdatedAt, &r.FinishedAt, &r.Counts, &heard)
		if err != nil {
			return r, err
		}
		if r.State == "running" && r.Source != "kafka" && !heard { // a topic may be silent for days
			r.State = "stale"
		}
		end := now
		if r.FinishedAt != nil {
			end = r.FinishedAt.UTC()
			r.FinishedAt = &end
		}
		r.StartedAt, r.UpdatedAt = r.StartedAt.UTC(), r.UpdatedAt.UTC()
		if r.State != "stale" {
			seconds := float64(end.Sub(r.StartedAt).Milliseconds()) / 1000
			r.Seconds = &seconds
		}
		return r, json.Unmarshal(r.Counts, &r.counts)
	})
}

// readTx runs fn in a transaction that sees the rows of the tenant, or of the shared feed,
// at one moment.
func (a *app) readTx(ctx context.Context, shared bool, fn func(pgx.Tx, id.ID) error) error {
	if !shared {
		return a.reader(ctx, fn)
	}
	pool, err := a.pool(ctx, pg.Reader, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	return readAs(ctx, pool, id.Shared, fn)
}

func (a *app) listRuns(ctx context.Context, shared bool, since time.Time, limit int) error {
	var list []runJSON
	err := a.readTx(ctx, shared, func(tx pgx.Tx, tenant id.ID) (err error) {
		list, err = readRuns(ctx, tx, tenant, 0, since, limit)
		return err
	})
	if err != nil {
		return fmt.Errorf("scan runs: %w", err)
	}
	t := table{
		head:  []string{"run", "state", "source", "started", "by", "seconds", "documents", "accepted", "duplicate", "unchanged", "parked", "arguments"},
		empty: "no scan runs",
	}
	for _, r := range list {
		c := r.counts
		t.add(n(r.Run), r.State, r.Source, r.StartedAt.Format(time.RFC3339), r.StartedBy, seconds(r.Seconds),
			count(c.Documents), count(c.Accepted), count(c.Duplicate), count(c.Unchanged), count(c.Parked), short(strings.Join(r.Arguments, " "), 80))
	}
	return a.print(&t, orEmpty(list))
}

func seconds(s *float64) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%.1f", *s)
}

// count is a number that may not be known.
func count(i *int64) string {
	if i == nil {
		return ""
	}
	return n(*i)
}

// findRun reads one run, of the tenant or of the shared feed: what shared records do in a
// tenant belongs to the run that brought them.
func findRun(ctx context.Context, tx pgx.Tx, tenant id.ID, run int64) (found runJSON, shared bool, err error) {
	for _, of := range []id.ID{tenant, id.Shared} {
		if err := pg.SetTenant(ctx, tx, of); err != nil {
			return found, false, err
		}
		list, err := readRuns(ctx, tx, of, run, time.Time{}, 1)
		if err != nil {
			return found, false, err
		}
		if len(list) == 1 {
			return list[0], of == id.Shared, pg.SetTenant(ctx, tx, tenant)
		}
	}
	return found, false, errNoRun
}

var errNoRun = errors.New("there is no such scan run of this tenant; see `sluice runs list`")
