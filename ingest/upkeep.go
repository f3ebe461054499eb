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

// upkeep does, in the background, what bulk loads need before autovacuum comes: the
// planner's statistics, after the first documents of a pipeline and each time that four
// times as many were stored, and merging the search index. What it cannot do (no
// connection free, a lock is taken) autovacuum does later.
type upkeep struct {
	pool    *pgxpool.Pool
	running sync.WaitGroup

	mu                 sync.Mutex
	stored, analyzeAt  int64
	unmerged           int64 // bytes of SBOMs since the last merge began
	merging, analyzing bool
}

func newUpkeep(pool *pgxpool.Pool) *upkeep { return &upkeep{pool: pool, analyzeAt: 200} }

// add counts stored documents and the bytes of the SBOMs among them.
func (u *upkeep) add(documents int, sbomBytes int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stored += int64(documents)
	if u.stored >= u.analyzeAt && !u.analyzing {
		for u.stored >= u.analyzeAt {
			u.analyzeAt *= 4
		}
		u.start(&u.analyzing, `select core.analyze_grown()`)
	}
	if u.unmerged += sbomBytes; u.unmerged >= mergeEvery && !u.merging {
		u.unmerged = 0
		u.start(&u.merging, `select ingest.merge_search_index()`)
	}
}

// start runs sql in the background; *busy is true as long as it does. The caller holds mu.
func (u *upkeep) start(busy *bool, sql string) {
	*busy = true
	u.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, _ = u.pool.Exec(ctx, sql)
		u.mu.Lock()
		*busy = false
		u.mu.Unlock()
	})
}

// wait ends what runs in the background.
func (u *upkeep) wait() { u.running.Wait() }
