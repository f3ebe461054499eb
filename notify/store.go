package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/secret"
	"sluice/render/notice"
)

// Store holds the rules of tenants, and the messages that were given up.
type Store struct{ pool *pgxpool.Pool }

// NewStore returns the store of a database. The pool is a maintainer's.
func NewStore(pool *pgxpool.Pool) *Store { return &Store{pool} }

// Standing is a rule and how its messages fare.
type Standing struct {
	Rule
	Waiting int64      `json:"waiting"` // messages on their way
	Failed  int64      `json:"failed"`  // messages that were given up
	SentAt  *time.Time `json:"sent_at,omitempty"`
	Error   string     `json:"error,omitempty"` // of the last attempt that failed, while there is one
}

// Add adds a rule of a tenant, and notes it in the audit log. It returns the secret that its messages are signed
// with, "" where they are not.
func (s *Store) Add(ctx context.Context, tenant id.ID, r NewRule) (Rule, secret.Secret, error) {
	if err := r.Check(); err != nil {
		return Rule{}, "", err
	}
	var made Rule
	err := pg.Tenant(ctx, s.pool, tenant, func(tx pgx.Tx) error {
		list, err := rules(ctx, tx, tenant, "")
		if err != nil {
			return err
		}
		if len(list) >= MaxRules {
			return ask.Wrong("", "there are %d rules, as many as a tenant may have", len(list))
		}
		err = tx.QueryRow(ctx, sqlAddRule, tenant, r.Name, r.Severity, r.Tag, r.KEV, r.EPSS, r.Package, r.Closed, r.Target, r.Format, r.Destination, r.Every, r.Existing).Scan(made.into()...)
		if errors.Is(err, pgx.ErrNoRows) {
			return ask.Wrong("", "there is a rule of that name already: `sluice notify rule remove %s` first, or take another name", r.Name)
		}
		if err != nil {
			return err
		}
		if r.Target == Webhook {
			if _, err := tx.Exec(ctx, sqlAddEndpoint, tenant, made.ID, string(r.URL), string(r.Secret)); err != nil {
				return err
			}
		}
		return noteRule(ctx, tx, tenant, "notify.add", made.ID, nil, &made)
	})
	if err != nil {
		return Rule{}, "", fmt.Errorf("rule %s: %w", r.Name, err)
	}
	return made, r.Secret, nil
}

func noteRule(ctx context.Context, tx pgx.Tx, tenant id.ID, action string, of id.ID, before, after *Rule) error {
	return audit.Note(ctx, tx, tenant, audit.Entry{Action: action, Entity: "notify_rule", Of: &of, Diff: audit.Change(before, after)})
}

// Rules returns the rules of a tenant, by name.
func (s *Store) Rules(ctx context.Context, tenant id.ID) (list []Standing, err error) {
	err = pg.Tenant(ctx, s.pool, tenant, func(tx pgx.Tx) error {
		list, err = rules(ctx, tx, tenant, "")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("notification rules: %w", err)
	}
	return list, nil
}

// Rule returns a rule of a tenant by its name.
func (s *Store) Rule(ctx context.Context, tenant id.ID, name string) (r Standing, err error) {
	err = pg.Tenant(ctx, s.pool, tenant, func(tx pgx.Tx) error {
		r, err = ruleOf(ctx, tx, tenant, name)
		return err
	})
	return r, err
}

func ruleOf(ctx context.Context, tx pgx.Tx, tenant id.ID, name string) (Standing, error) {
	if !goodName.MatchString(name) {
		return Standing{}, ask.NotFound("rule %.70q: there is none; see `sluice notify rule list`", name)
	}
	list, err := rules(ctx, tx, tenant, name)
	if err == nil && len(list) == 0 {
		err = ask.NotFound("rule %s: there is none; see `sluice notify rule list`", name)
	}
	if err != nil {
		return Standing{}, err
	}
	return list[0], nil
}

func rules(ctx context.Context, tx pgx.Tx, tenant id.ID, name string) ([]Standing, error) {
	rows, err := tx.Query(ctx, sqlRules, tenant, name)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows([]Standing{}, rows, func(row pgx.CollectableRow) (s Standing, err error) {
		var failure *string
		err = row.Scan(append(s.into(), &s.Waiting, &s.Failed, &s.SentAt, &failure)...)
		if failure != nil {
			s.Error = *failure
		}
		return s, err
	})
}

// Remove takes a rule of a tenant away, with its secret and what is on its way, and notes it in the audit log.
func (s *Store) Remove(ctx context.Context, tenant id.ID, name string) error {
	err := pg.Tenant(ctx, s.pool, tenant, func(tx pgx.Tx) error {
		r, err := ruleOf(ctx, tx, tenant, name)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, sqlRemoveRule, tenant, r.ID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ask.NotFound("rule %s: somebody else removed it at this moment", name)
		}
		return noteRule(ctx, tx, tenant, "notify.remove", r.ID, &r.Rule, nil)
	})
	if err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	return nil
}

// Example is the body that a test of a rule sends.
func (s *Store) Example(ctx context.Context, tenant id.ID, name string) (body []byte, err error) {
	err = pg.Tenant(ctx, s.pool, tenant, func(tx pgx.Tx) error {
		r, err := ruleOf(ctx, tx, tenant, name)
		if err == nil {
			body, err = example(ctx, tx, tenant, r.Rule)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("test: %w", err)
	}
	return body, nil
}

func example(ctx context.Context, tx pgx.Tx, tenant id.ID, rule Rule) ([]byte, error) {
	var called string
	if err := tx.QueryRow(ctx, sqlTenantName, tenant).Scan(&called); err != nil {
		return nil, err
	}
	now := time.Now()
	score, epss := 9.8, float32(0.94)
	note := notice.Notice{Tenant: called, Rule: rule.Name, At: now, Test: true, Opened: notice.Group{
		Findings: 1, Artifacts: 1, Exploited: 1, Severity: [6]int64{5: 1},
		First: []notice.Finding{{
			Event: "opened", Artifact: "pkg:oci/example@1.0", Package: "pkg:generic/example@1.0", Vulnerability: "CVE-0000-0000", Status: "open",
			Severity: "critical", Score: &score, Fixed: []string{"1.1"}, KEV: true, EPSS: &epss, FirstSeen: now.UTC().Format(time.RFC3339),
		}},
	}}
	return render(rule.Format, note)
}

// Test has one example sent to the receiver of a rule, by whoever sends notifications, and notes it in the audit
// log. Outcome tells what came of it.
func (s *Store) Test(ctx context.Context, tenant id.ID, name string) (of id.ID, err error) {
	of = newID()
	err = pg.Tenant(ctx, s.pool, tenant, func(tx pgx.Tx) error {
		r, err := ruleOf(ctx, tx, tenant, name)
		if err != nil {
			return err
		}
		if r.Target != Webhook {
			return ask.Wrong("", "rule %s: its messages go to the topic, which `sluice topics verify` looks at", name)
		}
		body, err := example(ctx, tx, tenant, r.Rule)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlInsertMessage, tenant, of, r.ID, "test", 1, string(body)); err != nil {
			return err
		}
		return audit.Note(ctx, tx, tenant, audit.Entry{Action: "notify.test", Entity: "notify_rule", Of: &r.ID, Diff: audit.Change(nil, map[string]any{"message": of})})
	})
	if err != nil {
		return of, fmt.Errorf("test: %w", err)
	}
	return of, nil
}

// Outcome is what became of a message.
type Outcome struct {
	Message  id.ID  `json:"message"`
	State    string `json:"state"` // waiting, sent, failed
	Attempts int32  `json:"attempts"`
	Status   *int32 `json:"status,omitempty"` // of HTTP
	Error    string `json:"error,omitempty"`
}

// Outcome says what became of a message.
func (s *Store) Outcome(ctx context.Context, tenant, of id.ID) (o Outcome, err error) {
	o.Message = of
	err = pg.Tenant(ctx, s.pool, tenant, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, sqlOutcome, tenant, of).Scan(&o.State, &o.Attempts, &o.Status, &o.Error)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return o, ask.NotFound("message %s: it is not there any more", of)
	}
	return o, err
}

// Failed is a message that was given up.
type Failed struct {
	ID          id.ID     `json:"id"`
	Rule        string    `json:"rule"`
	Destination string    `json:"destination"`
	Kind        string    `json:"kind"` // findings or test
	Findings    int32     `json:"findings"`
	Attempts    int32     `json:"attempts"`
	Status      *int32    `json:"status,omitempty"` // of HTTP; nil: there was no answer
	Error       string    `json:"error"`
	Created     time.Time `json:"created_at"`
	GaveUp      time.Time `json:"failed_at"`
}

// Failed returns the messages of a tenant that were given up, of a rule or "" for all, the newest first; limit 0 is all.
func (s *Store) Failed(ctx context.Context, tenant id.ID, rule string, limit int) (list []Failed, err error) {
	err = pg.Tenant(ctx, s.pool, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlFailed, tenant, rule, limit)
		if err != nil {
			return err
		}
		list, err = pgx.AppendRows([]Failed{}, rows, pgx.RowToStructByPos[Failed])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("notifications that were given up: %w", err)
	}
	return list, nil
}

// Pick says which messages that were given up are meant: by id, those of a rule, or with neither all.
type Pick struct {
	IDs  []id.ID
	Rule string
}

// Retry has messages that were given up sent again, at once and with all attempts, and notes it in the audit log. Their ids
// stay: a receiver that took one after all can tell.
func (s *Store) Retry(ctx context.Context, tenant id.ID, p Pick) ([]id.ID, error) {
	return s.again(ctx, tenant, p, false)
}

// Drop deletes messages that were given up, and notes it in the audit log.
func (s *Store) Drop(ctx context.Context, tenant id.ID, p Pick) ([]id.ID, error) {
	return s.again(ctx, tenant, p, true)
}

func (s *Store) again(ctx context.Context, tenant id.ID, p Pick, drop bool) (list []id.ID, err error) {
	action := "notify.retry"
	if drop {
		action = "notify.drop"
	}
	err = pg.Tenant(ctx, s.pool, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlRetry, tenant, p.IDs, p.Rule, drop)
		if err != nil {
			return err
		}
		if list, err = pgx.AppendRows([]id.ID{}, rows, pgx.RowTo[id.ID]); err != nil || len(list) == 0 {
			return err
		}
		before, after := any(map[string]any{"failed": list}), any(map[string]any{"waiting": list})
		if drop {
			after = nil
		}
		return audit.Note(ctx, tx, tenant, audit.Entry{Action: action, Entity: "notify_message", Diff: audit.Change(before, after)})
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	return list, nil
}
