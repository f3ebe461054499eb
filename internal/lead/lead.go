// Package lead has work done by one process of many: a row of core.lead says which, until
// when, and by which token.
//
// Who leads keeps the lease by asking again, every third of it; when it is silent for as long,
// another process takes the lead with a higher token. A process that was stopped, or that the
// network cut off, may not know that yet. So each of its transactions asks at its end whether
// the token is still the one in force, holding the row until it is committed: after a take-over
// it writes nothing more, and a take-over waits for what is being committed. Only the
// database's clock counts.
//
// Begin with Hold. Job queues have leases of their own by the same idea, and so have topic
// partitions; both have as many leaders as there is work.
package lead

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
)

// Jobs that one process does at a time. A task of maintenance is a job of its own, so that a
// run by hand and one of the leader do not meet; see Task.
const (
	Maintenance = "maintenance"
	Relay       = "relay"
	Notify      = "notifications"
)

// Task is the job of one task of maintenance.
func Task(name string) string { return Maintenance + "." + name }

// ErrLost: another process has taken the lead, or may have.
var ErrLost = errors.New("the lead was lost")

// Holder is who leads. No two have the same ID: what it has it may take again, with a new token.
type Holder struct {
	ID   id.ID  // of routing.instance
	Name string // for people
}

// Somebody is who is not registered: a command.
func Somebody() (h Holder) {
	host, _ := os.Hostname()
	_, _ = rand.Read(h.ID[:]) // never fails
	h.Name = fmt.Sprintf("%s:%d", host, os.Getpid())
	return h
}

// Lease is how long the lead lasts that nobody keeps: by default.
const Lease = 10 * time.Second

// Term is the lead of a process on a job, from when it took it.
type Term struct {
	Job   string
	Token int64

	pool  *pgxpool.Pool
	lease time.Duration
}

// Take takes the lead on a job, where nobody else has it; nil where somebody does. lease 0 is Lease.
// pool acts as a role that may write core.lead, here as everywhere in this package.
func Take(ctx context.Context, pool *pgxpool.Pool, job string, who Holder, lease time.Duration) (*Term, error) {
	if lease <= 0 {
		lease = Lease
	}
	var free bool
	if err := pool.QueryRow(ctx, sqlFree, job, who.ID).Scan(&free); err != nil || !free {
		return nil, asking(job, err)
	}
	t := &Term{Job: job, pool: pool, lease: lease}
	err := pool.QueryRow(ctx, sqlTake, job, who.ID, who.Name, lease).Scan(&t.Token)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil // another one was faster
	}
	if err != nil {
		return nil, asking(job, err)
	}
	return t, nil
}

func asking(job string, err error) error {
	if err != nil {
		err = fmt.Errorf("lead of %s: %w", job, err)
	}
	return err
}

// Fence fails unless the lead is still that of the term. Asked at the end of a transaction, it has
// what that wrote refused after a take-over. The commit is to follow within the lease: of a process
// that is stopped in between, the server ends the session then, so that a take-over does not wait for it.
func (t *Term) Fence(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, sqlHold, t.Job, t.Token, t.lease.Milliseconds())
	return told(err)
}

// Queue is Fence for a batch of statements, which is a transaction where it is sent alone.
func (t *Term) Queue(b *pgx.Batch) { b.Queue(sqlHold, t.Job, t.Token, t.lease.Milliseconds()) }

// Within has every transaction of pg.Tenant and pg.InTx with this context ask Fence.
func (t *Term) Within(ctx context.Context) context.Context {
	return pg.WithFence(ctx, pg.Fence(t.Fence))
}

// Leave gives the lead up. ErrLost: there was none any more.
func (t *Term) Leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	tag, err := t.pool.Exec(ctx, sqlLeave, t.Job, t.Token)
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrLost
	}
	return asking(t.Job, err)
}

// Serve runs fn and keeps the lead meanwhile. When it is lost, or when the database could not
// be asked for as long as the lease, fn's context ends with ErrLost as its cause. At the end the
// lead is given up.
func (t *Term) Serve(ctx context.Context, fn func(ctx context.Context) error) error {
	own, stop := context.WithCancelCause(ctx)
	// A stop does not end it: what is under way is finished as the leader.
	keeping, done := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		t.keep(keeping, stop)
	}()
	err := fn(own)
	done()
	<-kept
	stop(nil)
	if cause := context.Cause(own); errors.Is(cause, ErrLost) {
		return cause
	}
	if Lost(err) {
		return told(err)
	}
	// Where the lead cannot be given up, the lease runs out. Where it is gone, that is why fn failed: its
	// session may have been ended after Fence.
	if left := t.Leave(ctx); err != nil && errors.Is(left, ErrLost) {
		return fmt.Errorf("%w: %w", left, err)
	}
	return err
}

// keep extends the lease every third of it.
func (t *Term) keep(ctx context.Context, stop context.CancelCauseFunc) {
	// By this process's clock, from before the lease was asked for: an end that comes too early, never
	// one that comes too late. What it may miss, stopped as it may be, the fence refuses.
	end := time.Now().Add(t.lease)
	for {
		select {
		case <-time.After(t.lease / 3):
		case <-ctx.Done():
			return
		}
		asked := time.Now()
		once, cancel := context.WithTimeout(ctx, t.lease/3)
		tag, err := t.pool.Exec(once, sqlKeep, t.Job, t.Token, t.lease)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && tag.RowsAffected() == 0:
			stop(fmt.Errorf("%s: %w: another process took it", t.Job, ErrLost))
			return
		case err == nil:
			end = asked.Add(t.lease)
		case time.Now().After(end):
			stop(fmt.Errorf("%s: %w: the database did not answer for %s: %w", t.Job, ErrLost, t.lease, err))
			return
		}
	}
}

// Hold stands by for the lead on a job, asking every poll, and runs fn once while it has it; it returns
// what fn does, or ErrLost. standBy, if set, is called each time that somebody else leads.
func Hold(ctx context.Context, pool *pgxpool.Pool, job string, who Holder, lease, poll time.Duration, standBy func(context.Context) error, fn func(context.Context, *Term) error) error {
	for {
		t, err := Take(ctx, pool, job, who, lease)
		if err != nil {
			return err
		}
		if t != nil {
			return t.Serve(ctx, func(ctx context.Context) error { return fn(ctx, t) })
		}
		if standBy != nil {
			if err := standBy(ctx); err != nil {
				return err
			}
		}
		select {
		case <-time.After(poll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// codeLost is what core.hold_lead raises: of the class of serialization failures, since the same work
// may be done later, by who leads then.
const codeLost = "40L01"

// told adds ErrLost to what the database says about it.
func told(err error) error {
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code == codeLost {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return err
}

// Lost reports whether err says that the lead is somebody else's.
func Lost(err error) bool { return errors.Is(told(err), ErrLost) }
