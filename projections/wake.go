package projections

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/outbox"
)

// waker tells the outbox relay that there is something to send, from a transaction of its
// own and at most every 100 ms: NOTIFY takes a lock of the whole server at commit.
type waker struct {
	pool    *pgxpool.Pool
	mu      sync.Mutex // guards due
	due     *time.Timer
	sending sync.Mutex // held while a signal is sent
}

func (w *waker) signal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.due == nil {
		w.due = time.AfterFunc(100*time.Millisecond, w.flush)
	}
}

// flush sends what is due now, or waits until it is sent. The relay polls as well: a
// signal that is lost costs a second.
func (w *waker) flush() {
	w.sending.Lock()
	defer w.sending.Unlock()
	w.mu.Lock()
	due := w.due
	w.due = nil
	w.mu.Unlock()
	if due == nil {
		return
	}
	due.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, _ = w.pool.Exec(ctx, `select pg_notify($1, '')`, outbox.Channel)
}
