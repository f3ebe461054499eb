package partitions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Config tunes a pass of Maintain. The zero value is usable, unless a policy exports.
type Config struct {
	// ExportDir is the folder for partitions whose policy says export. It must exist and
	// should be on durable storage: the table is dropped once its file is there.
	ExportDir string
	// LockTimeout is how long one try waits for locks that hold up others while it waits;
	// with Tries it bounds what a busy table costs. Defaults to 2 s.
	LockTimeout time.Duration
	// DetachTimeout is how long a detach waits for the transactions that have used the table
	// before it. That wait holds nobody up. When it runs out the detach stays pending, which
	// is an alarm, and the next pass finishes it. Defaults to 1 min.
	DetachTimeout time.Duration
	// Tries of everything that waits for a lock, with growing, jittered pauses. Defaults to 5.
	Tries int
	// MaxRetire is how many partitions of one table a pass retires at most: a clock that
	// jumps ahead or a retention of `1 day` for `1 year` shall not empty a table before
	// somebody notices. Defaults to 12.
	MaxRetire int
	// Log gets a line for everything done. Defaults to none.
	Log *slog.Logger

	fault func(point string) // tests: called at each point where a crash is tried
}

func (c Config) defaults() Config {
	if c.LockTimeout <= 0 {
		c.LockTimeout = 2 * time.Second
	}
	if c.DetachTimeout <= 0 {
		c.DetachTimeout = time.Minute
	}
	if c.Tries <= 0 {
		c.Tries = 5
	}
	if c.MaxRetire <= 0 {
		c.MaxRetire = 12
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.fault == nil {
		c.fault = func(string) {}
	}
	return c
}

// setLockTimeout is the statement for it; local where a transaction is open.
func setLockTimeout(d time.Duration, local bool) string {
	scope := ""
	if local {
		scope = "local "
	}
	return fmt.Sprintf("set %slock_timeout = %d", scope, d.Milliseconds())
}

// retry runs fn until no lock is in its way, at most Tries times. While somebody holds a
// lock it steps back: whoever waits for a lock holds up those that come after.
func (c Config) retry(ctx context.Context, fn func() error) error {
	for try := 1; ; try++ {
		err := fn()
		if err == nil || try >= c.Tries || !busy(err) {
			return err
		}
		if serr := sleep(ctx, time.Duration(try)*(100*time.Millisecond+rand.N(400*time.Millisecond))); serr != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// busy: a lock was not to be had.
func busy(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && (pe.Code == "55P03" || pe.Code == "40P01")
}

// makeLock lets one process at a time make partitions of a table. It is taken for one short
// transaction, and tried instead of waited for: who waits inside a statement holds
// a snapshot, and finishing a detach waits for that.
func makeLock(ctx context.Context, tx pgx.Tx, parent string) (got bool, err error) {
	err = tx.QueryRow(ctx, `select pg_try_advisory_xact_lock(hashtextextended('sluice.partitions.' || $1, 0))`, parent).Scan(&got)
	return got, err
}

// tableLock lets one manager at a time look after a table; it lasts until unlock, or until
// the session ends. Making partitions on demand goes on beside it.
func tableLock(ctx context.Context, conn *pgx.Conn, parent string) (got bool, unlock func(), err error) {
	const key = `hashtextextended('sluice.partitions.manager.' || $1, 0)`
	if err := conn.QueryRow(ctx, `select pg_try_advisory_lock(`+key+`)`, parent).Scan(&got); err != nil {
		return false, nil, fmt.Errorf("lock: %w", err)
	}
	return got, func() {
		if got && !conn.IsClosed() {
			_, _ = conn.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock(`+key+`)`, parent)
		}
	}, nil
}
