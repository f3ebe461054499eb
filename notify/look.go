package notify

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/outbox"
	"sluice/render/notice"
)

// dueRule is a rule that is to look.
type dueRule struct{ Tenant, Rule id.ID }

// look has the rules look whose time has come, or all of them. It returns how many messages it wrote.
func (n *Notifier) look(ctx context.Context, all bool) (messages int, err error) {
	rows, err := n.pool.Query(ctx, sqlDue, all)
	if err != nil {
		return 0, fmt.Errorf("rules that are due: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[dueRule])
	if err != nil {
		return 0, fmt.Errorf("rules that are due: %w", err)
	}
	for _, r := range list {
		wrote, err := n.lookWith(ctx, r)
		if err != nil {
			fault := pg.FaultOf(err)
			if !fault.Bounded() && fault != pg.FaultInput {
				return messages, err
			}
			// This rule's own trouble: the others go on.
			n.cfg.Logger.Error("a notification rule could not look for findings; it tries again in a minute", "tenant", r.Tenant, "rule", r.Rule, "error", err)
			if _, err := n.pool.Exec(ctx, sqlPutOff, r.Tenant, r.Rule, time.Minute); err != nil {
				return messages, fmt.Errorf("put off a rule: %w", err)
			}
		}
		if wrote {
			messages++
		}
	}
	return messages, nil
}

// state is how far a rule is.
type state struct {
	Rule
	sweptAt   *time.Time
	sweptWith string
	now       time.Time // when the transaction began
	tenant    string    // its name
	with      string    // the feeds and tags of now
	topic     bool      // messages for the topic are wanted
}

// lookWith looks with one rule, and notes and writes what there is to tell in one transaction.
func (n *Notifier) lookWith(ctx context.Context, r dueRule) (wrote bool, err error) {
	began := time.Now()
	err = pg.Tenant(ctx, n.pool, r.Tenant, func(tx pgx.Tx) error {
		s, err := beginLook(ctx, tx, r)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // it was taken away
		}
		if err != nil {
			return err
		}
		if s.Target == Topic && !s.topic {
			// No relay has run yet: what it said now would wait for nobody knows how long.
			_, err := tx.Exec(ctx, sqlPutOff, r.Tenant, r.Rule, time.Minute)
			return err
		}
		note, sweep, err := n.news(ctx, tx, r, s)
		if err != nil {
			return err
		}
		if wrote = note.Opened.Findings+note.Closed.Findings > 0; wrote {
			if err := write(ctx, tx, r, s.Rule, note); err != nil {
				return err
			}
		}
		// Looking takes at most a twentieth of the time.
		pause := max(n.cfg.Poll, 20*time.Since(began))
		if wrote {
			pause = max(time.Duration(s.Every)*time.Second, 20*time.Since(began))
		}
		var sweptAt *time.Time
		var sweptWith *string
		if sweep {
			sweptAt, sweptWith = &s.now, &s.with
		}
		_, err = tx.Exec(ctx, sqlEndLook, r.Tenant, r.Rule, s.now, sweptAt, sweptWith, pause)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("rule %s: %w", r.Rule, err)
	}
	return wrote, nil
}

func beginLook(ctx context.Context, tx pgx.Tx, r dueRule) (s state, err error) {
	into := append(s.Rule.into(), &s.sweptAt, &s.sweptWith, &s.now, &s.tenant, &s.with, &s.topic)
	err = tx.QueryRow(ctx, sqlBeginLook, r.Tenant, r.Rule).Scan(into...)
	return s, err
}

// into is where the columns of part/rule_columns.sql go.
func (r *Rule) into() []any {
	return []any{&r.ID, &r.Name, &r.Severity, &r.Tag, &r.KEV, &r.EPSS, &r.Package, &r.Closed, &r.Target, &r.Format, &r.Destination, &r.Every, &r.Since, &r.Created, &r.LookedAt}
}

// news finds what the rule has to tell, and notes that it is told. sweep: all findings were looked at.
func (n *Notifier) news(ctx context.Context, tx pgx.Tx, r dueRule, s state) (note notice.Notice, sweep bool, err error) {
	note = notice.Notice{Tenant: s.tenant, Rule: s.Name, At: s.now}
	sweep = s.sweptAt == nil || s.now.Sub(*s.sweptAt) >= n.cfg.Sweep || s.with != s.sweptWith
	from := time.Time{} // what was seen first since then is new
	var since *time.Time
	switch {
	case s.LookedAt != nil:
		from = s.LookedAt.Add(-overlap)
	case s.Since != nil:
		since, from = s.Since, *s.Since // the first look: what is older counts as told
	}
	var bound *time.Time // of what may have been closed
	if !sweep {
		bound = &from
	}
	gone, err := group(tx.QueryRow(ctx, sqlGone, r.Tenant, r.Rule, bound, notice.MaxFirst))
	if err != nil {
		return note, sweep, fmt.Errorf("what is closed: %w", err)
	}
	if s.Closed {
		note.Closed = gone
	}
	patterns, err := s.patterns()
	if err != nil {
		return note, sweep, err
	}
	sql, args := sqlLook, []any{r.Tenant, r.Rule, from, s.grade(), s.Tag, s.KEV, s.EPSS, patterns, notice.MaxFirst}
	if sweep {
		sql, args = sqlSweep, append(args, since)
	}
	note.Opened, err = group(tx.QueryRow(ctx, sql, args...))
	if err != nil {
		return note, sweep, fmt.Errorf("what is open: %w", err)
	}
	return note, sweep, nil
}

// group reads what look.sql and gone.sql return.
func group(row pgx.Row) (g notice.Group, err error) {
	var severity []int64
	var first string
	if err := row.Scan(&g.Findings, &g.Artifacts, &g.Exploited, &severity, &first); err != nil {
		return g, err
	}
	copy(g.Severity[:], severity)
	return g, json.Unmarshal([]byte(first), &g.First)
}

// write writes a notice as a message, into the outbox or to be posted.
func write(ctx context.Context, tx pgx.Tx, r dueRule, rule Rule, note notice.Notice) error {
	of := newID()
	if rule.Target == Topic {
		data, err := json.Marshal(note.Data())
		if err != nil {
			return err
		}
		rows, err := outbox.Rows(outbox.Findings, []outbox.Message{{
			ID: of.String(), Key: []byte("notify/" + r.Rule.String()), Type: notice.Type, Time: note.At, Subject: rule.Name, Data: data,
		}})
		if err != nil {
			return err
		}
		return outbox.Insert(ctx, tx, r.Tenant, rows)
	}
	body, err := render(rule.Format, note)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sqlInsertMessage, r.Tenant, of, r.Rule, "findings", min(note.Opened.Findings+note.Closed.Findings, 1<<31-1), string(body))
	return err
}

func render(format string, note notice.Notice) ([]byte, error) {
	if format == "slack" {
		return note.Slack()
	}
	return note.JSON()
}

// newID is a random UUID.
func newID() (of id.ID) {
	_, _ = rand.Read(of[:]) // never fails
	of[6] = of[6]&0x0f | 0x40
	of[8] = of[8]&0x3f | 0x80
	return of
}
