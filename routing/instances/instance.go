package instances

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
)

// Status is how a process is.
type Status string

// How a process is.
const (
	Active   Status = "active"
	Draining Status = "draining" // it was told to stop, and finishes what is in hand
	Offline  Status = "offline"  // it ended, or nothing was heard of it
)

// Instance is a process as it is registered.
type Instance struct {
	ID      id.ID    `json:"id"`  // another one with each start
	Key     string   `json:"key"` // its name
	Domain  string   `json:"domain"`
	Status  Status   `json:"status"`
	Program string   `json:"program"`
	Parts   []string `json:"parts"`
	// Started and LastBeat are by the database's clock, and so is SilentFor, in seconds.
	Started   time.Time `json:"started_at"`
	LastBeat  time.Time `json:"last_heartbeat"`
	SilentFor float64   `json:"silent_seconds"`
	Leads     []Lead    `json:"leads"`
}

// Lead is what a process leads, and since when.
type Lead struct {
	Job   string    `json:"job"`
	Token int64     `json:"token"`
	Since time.Time `json:"since"`
	Until time.Time `json:"lease_until"` // unless it is kept
}

// List lists the processes, by name. pool acts as pg.Maintainer.
func List(ctx context.Context, pool *pgxpool.Pool) (list []Instance, err error) {
	err = pg.Tenant(ctx, pool, id.Operator, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlList, id.Operator, Silence)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (i Instance, err error) {
			var leads []byte
			if err := row.Scan(&i.ID, &i.Key, &i.Domain, &i.Status, &i.Program, &i.Parts, &i.Started, &i.LastBeat, &i.SilentFor, &leads); err != nil {
				return i, err
			}
			return i, json.Unmarshal(leads, &i.Leads)
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", err)
	}
	return list, nil
}
