// Package queue is the job queue in core.job_queue: leased, fenced, in batches.
//
// Producers append jobs in the transaction of the data that they are about. A worker
// claims jobs of one tenant with a lease and a token of its own, in a short
// transaction, and deletes them in the transaction of the work, by that token: a
// worker whose lease ran out and whose jobs another one took finds that the token
// is gone and rolls back. So the effect of a job in the database happens once.
package queue

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
)

// ErrLost: the lease ran out and somebody else has the jobs, or did them.
var ErrLost = errors.New("the lease on the jobs was lost")

// Job is one claimed job.
type Job struct {
	ID       int64
	Kind     string
	Payload  json.RawMessage
	Key      string // dedup_key; jobs of one kind and key ask for the same
	Attempts int    // failures before this claim, and this claim
}

// Lease is a set of claimed jobs of one tenant.
type Lease struct {
	Tenant id.ID
	Token  id.ID
	Jobs   []Job
}

// Only is the lease on some of its jobs.
func (l Lease) Only(jobs []Job) Lease {
	l.Jobs = jobs
	return l
}

// Queue claims jobs. Its pool acts as the projector, which sees the jobs of all tenants.
type Queue struct {
	Pool *pgxpool.Pool
	// Worker names this process in locked_by; it is no fence, the token is.
	Worker string
	// For is how long a lease lasts.
	For time.Duration
}

// Tenants lists the tenants that have jobs ready and none in anybody's hands, sorted.
// A loose index scan: its cost grows with the tenants, not with the jobs.
func (q Queue) Tenants(ctx context.Context) ([]id.ID, error) {
	rows, err := q.Pool.Query(ctx, sqlTenants)
	if err != nil {
		return nil, fmt.Errorf("tenants with jobs: %w", err)
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[id.ID])
	if err != nil {
		return nil, fmt.Errorf("tenants with jobs: %w", err)
	}
	return tenants, nil
}

// Claim takes up to limit ready jobs of tenant, the oldest first. A lease without jobs
// means that there are none, or that another worker was faster.
func (q Queue) Claim(ctx context.Context, tenant id.ID, limit int) (Lease, error) {
	lease := Lease{Tenant: tenant, Token: newToken()}
	rows, err := q.Pool.Query(ctx, sqlClaim, tenant, limit, q.Worker, lease.Token, q.For)
	if err != nil {
		return lease, fmt.Errorf("claim jobs: %w", err)
	}
	lease.Jobs, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Job])
	if err != nil {
		return lease, fmt.Errorf("claim jobs: %w", err)
	}
	return lease, nil
}

// newToken is a random UUID (version 4): no two claims share one.
func newToken() (t id.ID) {
	_, _ = rand.Read(t[:]) // never fails
	t[6] = t[6]&0x0f | 0x40
	t[8] = t[8]&0x3f | 0x80
	return t
}

func (l Lease) ids() []int64 {
	ids := make([]int64, len(l.Jobs))
	for i, j := range l.Jobs {
		ids[i] = j.ID
	}
	return ids
}

// Finish deletes the jobs inside tx, the transaction of their work. ErrLost means that
// this worker no longer holds all of them, and that tx must be rolled back.
func (l Lease) Finish(ctx context.Context, tx pgx.Tx) error {
	tag, err := tx.Exec(ctx, sqlFinish, l.ids(), l.Token)
	if err != nil {
		return fmt.Errorf("finish %d jobs: %w", len(l.Jobs), err)
	}
	if tag.RowsAffected() != int64(len(l.Jobs)) {
		return ErrLost
	}
	return nil
}

// Extend keeps the lease for another period. ErrLost means that it is too late for
// some of the jobs; the others are extended.
func (q Queue) Extend(ctx context.Context, l Lease) error {
	tag, err := q.Pool.Exec(ctx, sqlExtend, l.ids(), l.Token, q.For)
	if err != nil {
		return fmt.Errorf("extend lease: %w", err)
	}
	if tag.RowsAffected() != int64(len(l.Jobs)) {
		return ErrLost
	}
	return nil
}

// Release gives the jobs back, unharmed: an outage or a stop does not count as an attempt.
func (q Queue) Release(ctx context.Context, l Lease) error {
	if _, err := q.Pool.Exec(ctx, sqlRelease, l.ids(), l.Token); err != nil {
		return fmt.Errorf("release %d jobs: %w", len(l.Jobs), err)
	}
	return nil
}

// Fail gives the jobs back with the error. They come again later and later; after
// max_attempts they stay, out of reach, for a person to look at.
func (q Queue) Fail(ctx context.Context, l Lease, cause error) error {
	if _, err := q.Pool.Exec(ctx, sqlFail, l.ids(), l.Token, cause.Error()); err != nil {
		return fmt.Errorf("fail %d jobs: %w", len(l.Jobs), err)
	}
	return nil
}

// Rescue frees the jobs of workers that are gone: those whose lease ran out.
func (q Queue) Rescue(ctx context.Context) (int64, error) {
	tag, err := q.Pool.Exec(ctx, sqlRescue)
	if err != nil {
		return 0, fmt.Errorf("rescue jobs: %w", err)
	}
	return tag.RowsAffected(), nil
}

// Left says what there is still to do.
type Left struct {
	// Open is true while there are jobs that are ready, in somebody's hands, or put off
	// for one of their first retries.
	Open bool
	// Failing counts the jobs that failed patience times or more, dead ones included, once
	// nothing is open.
	Failing int64
	Error   string // of one of them
}

// patience is how often a job may fail before nobody waits for it any longer.
const patience = 3

// Left says what is left of the given tenants' jobs; of all tenants' where none is given.
func (q Queue) Left(ctx context.Context, tenants ...id.ID) (left Left, err error) {
	err = q.Pool.QueryRow(ctx, sqlLeft, tenants, patience).Scan(&left.Open, &left.Failing, &left.Error)
	if err != nil {
		return left, fmt.Errorf("count jobs: %w", err)
	}
	return left, nil
}
