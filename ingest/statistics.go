package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// statistics has the planner's statistics made while tables grow fast: after the first
// documents of a pipeline and each time that four times as many were stored. What it
// cannot do (no connection free, a lock is taken) autovacuum does later.
type statistics struct {
	pool    *pgxpool.Pool
	mu      sync.Mutex
	stored  int64
	due     int64
	running sync.WaitGroup
}

func newStatistics(pool *pgxpool.Pool) *statistics { return &statistics{pool: pool, due: 200} }

// add counts stored documents, and analyzes in the background when it is time.
func (s *statistics) add(n int) {
	s.mu.Lock()
	s.stored += int64(n)
	due := s.stored >= s.due
	for s.stored >= s.due {
		s.due *= 4
	}
	s.mu.Unlock()
	if due {
		s.running.Go(s.analyze)
	}
}

// wait ends what runs in the background.
func (s *statistics) wait() { s.running.Wait() }

func (s *statistics) analyze() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, _ = s.pool.Exec(ctx, `select core.analyze_grown()`)
}
