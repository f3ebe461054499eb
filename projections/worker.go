package projections

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"sluice/internal/fair"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/queue"
	"sluice/outbox"
)

// Channel is the NOTIFY channel on which imports announce new jobs.
const Channel = queue.Channel

// Config tunes a Worker. The zero value is usable.
type Config struct {
	// BatchJobs is how many jobs one transaction takes at most. Default 500; a job about
	// records names several.
	BatchJobs int
	// BatchTarget is how long a batch should take: where the jobs of a tenant take longer, fewer are
	// taken at once, so that another tenant's turn comes soon. Default 1 s.
	BatchTarget time.Duration
	// Lease is how long claimed jobs stay with a worker that does not extend it; what a
	// killed worker held is taken up after that. Default 10 s, extended every third of it.
	Lease time.Duration
	// Poll is the longest that a job waits when its announcement was lost. Default 1 s.
	Poll time.Duration
	// SlowTries is how often in a row what is in no batch (a claim, the views) may be too slow
	// for the server before the worker ends. Default 3.
	SlowTries int
	// ViewPause is the least time between two refreshes of the materialized views. Default 5 s.
	ViewPause time.Duration
	// Reread makes what stored documents say again from their originals, in the transaction, and
	// returns what else is to be looked at. Without it jobs of kind reread fail: only who knows the
	// formats can do them.
	Reread func(ctx context.Context, tx pgx.Tx, tenant id.ID, documents []id.ID) (Remade, error)
	// Flags, if set, says what is switched on. Without it every tenant is projected, every issuer
	// is trusted and nothing is matched by a CPE.
	Flags Flags
	// OnOutage, if set, is called when the database cannot be reached.
	OnOutage func(error)
	// OnBatch, if set, is called after each batch with the number of jobs done.
	OnBatch func(jobs int, took time.Duration)
	// Metrics, if set, counts what is done.
	Metrics *Metrics
	Logger  *slog.Logger
}

// Remade is what is to be projected again after documents were read again.
type Remade struct {
	Streams  []Stream // whose documents list something else, or are about another artifact
	Packages []id.ID  // that records find in another way than before
	Records  []string // external ids of records that were made again
	Names    []string // vulnerabilities that those spoke of
}

// Stream is a stream of an artifact.
type Stream struct {
	Artifact id.ID
	Stream   string
}

// Worker projects. Several workers, in one process or many, share the tenants out.
type Worker struct {
	cfg      Config
	pool     *pgxpool.Pool // made with PoolConfig
	queue    queue.Queue
	compiled *compiledCache
	outbox   *pg.Notifier
	rota     fair.Rota     // who was served when: a long queue of one tenant keeps no other waiting
	views    chan struct{} // holds one while somebody refreshes the views now and then

	mu       sync.Mutex
	paused   []id.ID              // tenants with jobs that are to wait, as of the last step
	owed     []queue.Lease        // to be given back once the database is there again
	serving  map[id.ID]bool       // tenants that are worked for here: whoever takes more of their jobs would only wait
	paces    map[id.ID]*fair.Pace // how many jobs fit into a batch
	rescued  time.Time            // when jobs of dead workers were looked for last
	analyzed time.Time            // when statistics were looked after last
}

// PoolConfig is what a pool for Workers needs: the temporary tables on every connection.
func PoolConfig(conns int32) pg.Config {
	return pg.Config{MaxConns: conns, AfterConnect: createStaging}
}

// New returns a worker that works through pool, which acts as the projector.
func New(pool *pgxpool.Pool, cfg Config) *Worker {
	if cfg.BatchJobs <= 0 {
		cfg.BatchJobs = 500
	}
	if cfg.BatchTarget <= 0 {
		cfg.BatchTarget = time.Second
	}
	if cfg.Lease <= 0 {
		cfg.Lease = 10 * time.Second
	}
	if cfg.Poll <= 0 {
		cfg.Poll = time.Second
	}
	if cfg.SlowTries <= 0 {
		cfg.SlowTries = 3
	}
	if cfg.ViewPause <= 0 {
		cfg.ViewPause = 5 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	host, _ := os.Hostname()
	return &Worker{
		cfg: cfg, pool: pool, serving: map[id.ID]bool{}, paces: map[id.ID]*fair.Pace{}, views: make(chan struct{}, 1),
		compiled: newCompiledCache(), outbox: pg.NewNotifier(pool, outbox.Channel),
		queue: queue.Queue{Pool: pool, Worker: fmt.Sprintf("%s/%d", host, os.Getpid()), For: cfg.Lease},
	}
}

// Run projects until ctx ends; the batch in hand is finished.
func (w *Worker) Run(ctx context.Context) error {
	wake := make(chan struct{}, 1)
	var listening sync.WaitGroup
	ears, deafen := context.WithCancel(ctx)
	listening.Go(func() { w.listen(ears, wake) })
	defer listening.Wait()
	defer deafen() // whatever Run ends with
	defer w.outbox.Flush()
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.keepViews(gctx) })
	g.Go(func() error { return w.keepUp(gctx, wake) })
	if err := g.Wait(); ctx.Err() == nil {
		return err
	}
	return ctx.Err()
}

// keepUp does jobs as they come, until ctx ends.
func (w *Worker) keepUp(ctx context.Context, wake <-chan struct{}) error {
	slow := 0
	for ctx.Err() == nil {
		worked, err := w.Step(ctx)
		if err != nil {
			if err := w.survive(ctx, err, &slow); err != nil {
				return err
			}
			continue
		}
		slow = 0
		if worked {
			continue
		}
		select {
		case <-wake:
		case <-time.After(w.cfg.Poll):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// FailedError says that jobs keep failing: what they ask for is not in the derived
// tables yet. They are tried again, later and later, and then stay for a person.
type FailedError struct {
	Jobs  int64
	Cause string // of one of them
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("%d projection jobs keep failing; see `sluice jobs list`, and `sluice jobs retry` when the cause is mended; the first says: %s", e.Jobs, e.Cause)
}

// Drain projects until the given tenants have no jobs left, in anybody's hands, and the
// views show it; with no tenants given, until nobody has. It does not wait for jobs that
// keep failing: those end in a FailedError.
func (w *Worker) Drain(ctx context.Context, tenants ...id.ID) error {
	defer w.outbox.Flush()
	slow := 0
	for {
		worked, err := w.step(ctx, tenants)
		if err == nil && worked {
			continue
		}
		var left queue.Left
		if err == nil {
			left, err = w.queue.Left(ctx, tenants...)
		}
		if paused := w.pausedOf(tenants); err == nil && left.Open && len(paused) > 0 {
			return &PausedError{paused}
		}
		if err == nil && !left.Open {
			if _, err = w.refreshViews(ctx, true); err == nil {
				if left.Failing > 0 {
					return &FailedError{left.Failing, left.Error}
				}
				return nil
			}
		}
		if err != nil {
			if err := w.survive(ctx, err, &slow); err != nil {
				return err
			}
			continue
		}
		slow = 0
		// Somebody else's, or waiting for its next attempt.
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Left is how many jobs of a tenant and of the shared feed are still to be done; id.Shared is those of everybody, whom
// shared facts concern.
func (w *Worker) Left(ctx context.Context, tenant id.ID) (n int64, err error) {
	of := &tenant
	if tenant == id.Shared {
		of = nil
	}
	if err := w.pool.QueryRow(ctx, sqlJobsLeft, of).Scan(&n); err != nil {
		return 0, fmt.Errorf("count jobs: %w", err)
	}
	return n, nil
}

// survive waits out an outage and passes on everything else. What is too slow outside of a
// batch, a claim or the views, cannot be cut: it is tried again so often in a row.
func (w *Worker) survive(ctx context.Context, err error, slow *int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fault := faultOf(err)
	if fault.Bounded() {
		*slow++
	}
	if fault != pg.FaultOutage && (!fault.Bounded() || *slow >= w.cfg.SlowTries) {
		return pg.Tell(pg.RoleOf(w.pool), err)
	}
	w.cfg.Logger.Warn("the database fails: projection goes on when it is over", "fault", string(fault), "error", err)
	if fault == pg.FaultOutage && w.cfg.OnOutage != nil {
		w.cfg.OnOutage(err)
	}
	select {
	case <-time.After(time.Second/4 + rand.N(time.Second/2)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// listen turns notifications into wake-ups. Polling is the safety net, so a lost
// connection only costs speed.
func (w *Worker) listen(ctx context.Context, wake chan<- struct{}) {
	for ctx.Err() == nil {
		_ = w.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
			if _, err := c.Exec(ctx, "listen "+Channel); err != nil {
				return err
			}
			defer func() {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
				defer cancel()
				_, _ = c.Exec(ctx, "unlisten *")
			}()
			for {
				if _, err := c.Conn().WaitForNotification(ctx); err != nil {
					return err
				}
				select {
				case wake <- struct{}{}:
				default:
				}
			}
		})
		select {
		case <-time.After(w.cfg.Poll):
		case <-ctx.Done():
		}
	}
}

// Step does one batch of one tenant. It reports whether there was one.
func (w *Worker) Step(ctx context.Context) (bool, error) { return w.step(ctx, nil) }

// step is Step for some tenants only, or for all where none is given.
func (w *Worker) step(ctx context.Context, only []id.ID) (bool, error) {
	if err := w.payDebts(ctx); err != nil {
		return false, err
	}
	if err := w.rescue(ctx); err != nil {
		return false, err
	}
	tenants, err := w.queue.Tenants(ctx)
	if err != nil {
		return false, err
	}
	if len(only) > 0 {
		tenants = slices.DeleteFunc(tenants, func(t id.ID) bool { return !slices.Contains(only, t) })
	}
	if tenants, err = w.leavePaused(ctx, tenants); err != nil {
		return false, err
	}
	if len(tenants) > 0 {
		w.analyze(ctx)
	}
	// At first in the order of their ids, the shared feed before all: what it changes is then done with
	// the rest.
	w.rota.Order(tenants)
	for _, tenant := range tenants {
		if worked, err := w.serve(ctx, tenant); worked || err != nil {
			return worked, err
		}
	}
	return false, nil
}

// serve does a batch of the tenant's jobs; it reports whether there was one.
func (w *Worker) serve(ctx context.Context, tenant id.ID) (bool, error) {
	w.mu.Lock()
	busy := w.serving[tenant]
	w.serving[tenant] = true
	w.mu.Unlock()
	if busy {
		return false, nil
	}
	defer func() {
		w.mu.Lock()
		delete(w.serving, tenant)
		w.mu.Unlock()
	}()
	pace := w.pace(tenant)
	lease, err := w.queue.Claim(ctx, tenant, pace.Size())
	if err != nil || len(lease.Jobs) == 0 {
		return false, err // another worker was faster
	}
	w.rota.Serve(tenant)
	began := time.Now()
	err = w.work(ctx, lease)
	pace.Took(len(lease.Jobs), time.Since(began))
	return true, err
}

// rescue takes up what dead workers held, a few times per lease.
func (w *Worker) rescue(ctx context.Context) error {
	w.mu.Lock()
	due := time.Since(w.rescued) > w.cfg.Lease/4
	if due {
		w.rescued = time.Now()
	}
	w.mu.Unlock()
	if !due {
		return nil
	}
	_, err := w.queue.Rescue(ctx)
	return err
}

// analyze has the planner's statistics made for tables that grew fast; see
// core.analyze_grown. Without them the first projection of a bulk load reads more than it
// has to. It helps and is not needed: an error is left to the work itself.
func (w *Worker) analyze(ctx context.Context) {
	w.mu.Lock()
	due := time.Since(w.analyzed) >= 2*time.Second
	if due {
		w.analyzed = time.Now()
	}
	w.mu.Unlock()
	if due {
		_, _ = w.pool.Exec(ctx, `select core.analyze_grown()`)
	}
}

// pace is how many jobs of a tenant fit into a batch.
func (w *Worker) pace(tenant id.ID) *fair.Pace {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.paces[tenant]
	if p == nil {
		if len(w.paces) >= 10_000 {
			clear(w.paces) // they are found out anew
		}
		p = fair.NewPace(w.cfg.BatchTarget, 1, w.cfg.BatchJobs/8, w.cfg.BatchJobs)
		w.paces[tenant] = p
	}
	return p
}
