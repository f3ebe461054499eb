package pg

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Notifier tells those who listen on a channel that there is work, from a transaction of
// its own and at most every 100 ms: NOTIFY takes a lock of the whole server at commit,
// which must not be held up by transactions that carry data.
type Notifier struct {
	pool    *pgxpool.Pool
	channel string
	mu      sync.Mutex // guards due
	due     *time.Timer
	sending sync.Mutex // held while a signal is sent
}

// NewNotifier returns a Notifier that sends through pool.
func NewNotifier(pool *pgxpool.Pool, channel string) *Notifier {
	return &Notifier{pool: pool, channel: channel}
}

// Signal has a notification sent soon. Call it after the commit of what it tells of.
func (n *Notifier) Signal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.due == nil {
		n.due = time.AfterFunc(100*time.Millisecond, n.Flush)
	}
}

// Flush sends what is due now, or waits until it is sent. Who listens polls as well: a
// signal that is lost costs a moment.
func (n *Notifier) Flush() {
	n.sending.Lock()
	defer n.sending.Unlock()
	n.mu.Lock()
	due := n.due
	n.due = nil
	n.mu.Unlock()
	if due == nil {
		return
	}
	due.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, _ = n.pool.Exec(ctx, `select pg_notify($1, '')`, n.channel)
}
