// Package change tells a process that has flags or limits in memory whether they are still those
// of the database: one number of routing.change is compared, now and then, by whoever asks.
package change

import (
	"context"
	"embed"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

var sqlSerial = sqltext.From(sqlFiles)("serial")

// Watch compares. It has no goroutine, and may be used by several.
type Watch struct {
	// Pool is of a role that reads routing.change, What is flag or limit. Required.
	Pool *pgxpool.Pool
	What string
	// Every is how often the database is asked at most, Stale how long after its last answer that
	// one may still be used.
	Every, Stale time.Duration

	mu      sync.Mutex
	serial  int64
	checked time.Time // when the answer that serial is was asked for; zero: never
	asking  bool      // somebody asks now
}

// askTimeout bounds a question. Those who come meanwhile use what is known.
const askTimeout = time.Second

// Serial returns the number as it was at most Stale ago. An error is that of the database.
func (w *Watch) Serial(ctx context.Context) (int64, error) {
	w.mu.Lock()
	age, never := time.Since(w.checked), w.checked.IsZero()
	if !never && (age < w.Every || w.asking && age < w.Stale) {
		defer w.mu.Unlock()
		return w.serial, nil
	}
	w.asking = true
	w.mu.Unlock()

	began := time.Now()
	short, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var serial int64
	err := w.Pool.QueryRow(short, sqlSerial, w.What).Scan(&serial)

	w.mu.Lock()
	defer w.mu.Unlock()
	w.asking = false
	switch {
	case err == nil:
		// Of two that asked at once the later answer may be the older one.
		if began.After(w.checked) {
			w.serial, w.checked = serial, began
		}
	case never || time.Since(w.checked) >= w.Stale:
		return 0, fmt.Errorf("what changed of the %ss: %w", w.What, err)
	}
	return w.serial, nil
}
