package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// mergeEvery is how many bytes of SBOMs fill the pending list of the JSON search index so
// far that it is merged beside the import. One merge at the very end would be cheapest
// in total, but there the import has nothing else to do and one processor idles.
const mergeEvery = 48 << 20

// analyzer does, in the background, what bulk loads need before autovacuum comes: the
// planner's statistics, after the first documents of a pipeline and each time that four
// times as many were stored, and merging the search index. What it cannot do (no
// connection free, a lock is taken) autovacuum does later.
type analyzer struct {
	pool *pgxpool.Pool

	mu                 sync.Mutex
	stored, analyzeAt  int64
	unmerged           int64              // bytes of SBOMs since the last merge began
	merging, analyzing context.CancelFunc // nil: not running
	idle               *sync.Cond         // on mu; signalled when one of them ends
}

func newAnalyzer(pool *pgxpool.Pool) *analyzer {
	u := &analyzer{pool: pool, analyzeAt: 200}
	u.idle = sync.NewCond(&u.mu)
	return u
}

// add counts stored documents and the bytes of the SBOMs among them.
func (u *analyzer) add(documents int, sbomBytes int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stored += int64(documents)
	if u.stored >= u.analyzeAt && u.analyzing == nil {
		for u.stored >= u.analyzeAt {
			u.analyzeAt *= 4
		}
		u.start(&u.analyzing, `select core.analyze_grown()`)
	}
	if u.unmerged += sbomBytes; u.unmerged >= mergeEvery && u.merging == nil {
		u.unmerged = 0
		u.start(&u.merging, `select ingest.merge_search_index()`)
	}
}

// start runs sql in the background; *running is not nil as long as it does. The caller holds mu.
func (u *analyzer) start(running *context.CancelFunc, sql string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	*running = cancel
	go func() {
		_, _ = u.pool.Exec(ctx, sql)
		cancel()
		u.mu.Lock()
		*running = nil
		u.mu.Unlock()
		u.idle.Broadcast()
	}()
}

// wait waits for what runs in the background, and gives it up when ctx ends: the
// documents are stored either way.
func (u *analyzer) wait(ctx context.Context) {
	defer context.AfterFunc(ctx, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		for _, cancel := range []context.CancelFunc{u.merging, u.analyzing} {
			if cancel != nil {
				cancel()
			}
		}
	})()
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.merging != nil || u.analyzing != nil {
		u.idle.Wait()
	}
}
