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
	Attempts int
}

// Lease is a set of claimed jobs of one tenant.
type Lease struct {
	Tenant id.ID
	Token  id.ID
	Jobs   []Job
}

// Queue claims jobs. Its pool acts as the projector, which sees the jobs of all tenants.
type Queue struct {
	Pool *pgxpool.Pool
	// Worker names this process in locked_by; it is no fence, the token is.
	Worker string
	// For is how long a lease lasts.
	For time.Duration
}

// Tenants lists the tenants that have jobs ready and none in anybody's hands. A loose
// index scan: its cost grows with the tenants, not with the jobs.
func (q Queue) Tenants(ctx context.Context) ([]id.ID, error) {
	rows, err := q.Pool.Query(ctx, `
		with recursive tenants as (
			(select tenant_id from core.job_queue where locked_at is null and tenant_id is not null order by tenant_id limit 1)
			union all
			select (select j.tenant_id from core.job_queue j where j.locked_at is null and j.tenant_id > t.tenant_id order by j.tenant_id limit 1)
			from tenants t where t.tenant_id is not null
		)
		select tenant_id from tenants t
		where tenant_id is not null
		  and exists (select from core.job_queue r where r.tenant_id = t.tenant_id and r.locked_at is null and r.run_after <= now())
		  and not exists (select from core.job_queue l where l.tenant_id = t.tenant_id and l.lease_until > now())`)
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
	lease := Lease{Tenant: tenant}
	err := pgx.BeginFunc(ctx, q.Pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `select gen_random_uuid()`).Scan(&lease.Token); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			with picked as materialized (
				select id from core.job_queue
				where tenant_id = $1 and locked_at is null and run_after <= now()
				order by id
				for update skip locked
				limit $2
			)
			update core.job_queue j
			set locked_at = now(), locked_by = $3, lease_token = $4, lease_until = now() + $5, attempts = j.attempts + 1
			from picked where j.id = picked.id
			returning j.id, j.kind, j.payload, coalesce(j.dedup_key, ''), j.attempts`,
			tenant, limit, q.Worker, lease.Token, q.For)
		if err != nil {
			return err
		}
		lease.Jobs, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Job])
		return err
	})
	if err != nil {
		return lease, fmt.Errorf("claim jobs: %w", err)
	}
	return lease, nil
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
	tag, err := tx.Exec(ctx, `delete from core.job_queue where id = any ($1) and lease_token = $2`, l.ids(), l.Token)
	if err != nil {
		return fmt.Errorf("finish %d jobs: %w", len(l.Jobs), err)
	}
	if tag.RowsAffected() != int64(len(l.Jobs)) {
		return ErrLost
	}
	return nil
}

// Extend keeps the lease for another period. ErrLost means it is too late.
func (q Queue) Extend(ctx context.Context, l Lease) error {
	tag, err := q.Pool.Exec(ctx, `update core.job_queue set lease_until = now() + $3 where id = any ($1) and lease_token = $2`, l.ids(), l.Token, q.For)
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
	_, err := q.Pool.Exec(ctx, `
		update core.job_queue set locked_at = null, locked_by = null, lease_token = null, lease_until = null, attempts = greatest(attempts - 1, 0)
		where id = any ($1) and lease_token = $2`, l.ids(), l.Token)
	if err != nil {
		return fmt.Errorf("release %d jobs: %w", len(l.Jobs), err)
	}
	return nil
}

// Fail gives the jobs back with the error. They come again later and later; after
// max_attempts they stay, out of reach, for a person to look at.
func (q Queue) Fail(ctx context.Context, l Lease, cause error) error {
	_, err := q.Pool.Exec(ctx, `
		update core.job_queue set locked_at = null, locked_by = null, lease_token = null, lease_until = null, last_error = $3,
			run_after = case when attempts >= max_attempts then 'infinity' else now() + least(interval '1 second' * power(2, attempts), interval '1 hour') end
		where id = any ($1) and lease_token = $2`, l.ids(), l.Token, cause.Error())
	if err != nil {
		return fmt.Errorf("fail %d jobs: %w", len(l.Jobs), err)
	}
	return nil
}

// Rescue frees the jobs of workers that are gone: those whose lease ran out.
func (q Queue) Rescue(ctx context.Context) (int64, error) {
	tag, err := q.Pool.Exec(ctx, `
		update core.job_queue set locked_at = null, locked_by = null, lease_token = null, lease_until = null
		where id in (select id from core.job_queue where lease_until < now() order by lease_until for update skip locked limit 10000)`)
	if err != nil {
		return 0, fmt.Errorf("rescue jobs: %w", err)
	}
	return tag.RowsAffected(), nil
}

// Pending counts the jobs of the given tenants that are still to be done, leased ones
// included, dead ones not.
func (q Queue) Pending(ctx context.Context, tenants ...id.ID) (int64, error) {
	var n int64
	err := q.Pool.QueryRow(ctx, `select count(*) from core.job_queue where tenant_id = any ($1) and run_after < 'infinity'`, tenants).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count jobs: %w", err)
	}
	return n, nil
}
