package partitions

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Listed is a partition, or a retired one, for people.
type Listed struct {
	Parent string     `json:"parent"`
	Name   string     `json:"partition"`
	From   *time.Time `json:"from"` // nil: without a bound
	To     *time.Time `json:"to"`
	Bytes  int64      `json:"bytes,omitempty"`
	Rows   int64      `json:"rows,omitempty"` // an estimate, but for what was exported
	// State is attached, pending, default or held; of retired ones detaching, detached,
	// exported, dropped or attached (again).
	State string    `json:"state"`
	File  string    `json:"file,omitempty"`
	Since time.Time `json:"since,omitzero"` // of retired ones: in that state
}

func (l *Listed) bounds(s Span) {
	if !s.From.IsZero() {
		l.From = &s.From
	}
	if !s.To.Equal(endOfTime) {
		l.To = &s.To
	}
}

// List returns the partitions of a table, or of all that have a policy, oldest first.
func List(ctx context.Context, conn *pgx.Conn, parent string) ([]Listed, error) {
	list, err := policies(ctx, conn, parent)
	if err != nil {
		return nil, err
	}
	var out []Listed
	for _, p := range list {
		err := pinned(ctx, conn, func(tx pgx.Tx) error {
			t, err := readTable(ctx, tx, p, time.Now())
			if err != nil {
				return fmt.Errorf("partitions of %s: %w", p.Parent, err)
			}
			for _, x := range t.parts {
				l := Listed{Parent: p.Parent, Name: x.name(), Bytes: x.Bytes, Rows: x.Rows, State: "attached"}
				switch {
				case x.Default:
					l.State = "default"
				case x.Pending:
					l.State = "pending"
				case x.Held:
					l.State = "held"
				}
				if !x.Default {
					l.bounds(x.span())
				}
				out = append(out, l)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Retired returns what was taken out of a table, or of all, oldest first.
func Retired(ctx context.Context, conn *pgx.Conn, parent string) ([]Listed, error) {
	list, err := readRetired(ctx, conn, parent, true)
	if err != nil {
		return nil, err
	}
	var out []Listed
	for _, r := range list {
		l := Listed{Parent: r.Parent, Name: r.Name, Rows: r.Rows, State: r.State, File: r.File, Since: r.UpdatedAt.UTC()}
		l.bounds(r.span())
		out = append(out, l)
	}
	return out, nil
}
