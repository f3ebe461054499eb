package relay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/kafkaclient"
	"sluice/internal/lead"
	"sluice/internal/pg"
	"sluice/outbox"
)

// stopTimeout is how long a stop waits for what is under way to the brokers.
const stopTimeout = 4 * time.Second

// Relay sends the outbox. Of all relays of a database one sends and the others stand by:
// two at once could not keep the order. The next one takes over when the lease of the first
// runs out, or at once where that one was told to stop.
type Relay struct {
	cfg      Config
	pool     *pgxpool.Pool
	producer *producer
	metrics  *metrics
	wake     chan struct{}
	owed     []settlement // what the database could not be told yet
	// For tests: what is called between the brokers' acknowledgement and the mark, and how many
	// rows one claim takes.
	beforeSettle func()
	claimRows    int
	atOnce       int // how many rows a claim takes now: fewer after something was too slow
	slow         int // how often in a row that was so with a single row
}

// slowTries is how often in a row a single row may be too slow for the server.
const slowTries = 3

// lessAtOnce halves what is taken at once, and what has to be written down, after it was too
// slow. It reports whether another try is worth it: a single row gets a few.
func (r *Relay) lessAtOnce() bool {
	r.slow++
	if r.atOnce > 1 {
		r.atOnce /= 2
		r.slow = 0
	}
	for i := 0; i < len(r.owed); i++ {
		if a, b, ok := r.owed[i].halves(); ok {
			r.owed = slices.Replace(r.owed, i, i+1, a, b)
			i++
			r.slow = 0
		}
	}
	return r.slow < slowTries
}

// New returns a relay that reads through pool, which acts as pg.Relay, and writes to b. It
// takes one connection out of the pool and uses another to listen.
func New(pool *pgxpool.Pool, b *kafkaclient.Broker, cfg Config) *Relay {
	cfg = cfg.withDefaults()
	m := newMetrics(cfg.Registerer)
	return &Relay{
		cfg: cfg, pool: pool, producer: newProducer(b, cfg, m), metrics: m, wake: make(chan struct{}, 1), beforeSettle: func() {}, claimRows: claimRows,
	}
}

// Wake says that rows were committed. It never blocks; a relay that nobody wakes looks once a second.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends and returns its error; what is under way then is finished within
// 5 s. It survives outages of the database and of Kafka. Any other error is a defect of the
// program or of the schema.
func (r *Relay) Run(ctx context.Context) error {
	r.atOnce = r.claimRows
	defer r.producer.transport.CloseIdleConnections()
	for {
		err := r.session(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errFenced) || lead.Lost(err) {
			r.cfg.Logger.Warn("another relay has sent meanwhile; this one stands by", "error", err)
			if !pause(ctx) {
				return ctx.Err()
			}
			continue
		}
		fault := pg.FaultOf(err)
		if fault != pg.FaultOutage && !(fault.Bounded() && r.lessAtOnce()) {
			return pg.Tell(pg.RoleOf(r.pool), err)
		}
		r.cfg.Logger.Warn("the database fails: the outbox is sent on when it is over", "fault", string(fault), "error", err)
		if fault == pg.FaultOutage && r.cfg.OnOutage != nil {
			r.cfg.OnOutage(err)
		}
		if !pause(ctx) {
			return ctx.Err()
		}
	}
}

// pause waits for half a second or so; not, when ctx ends.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(time.Second/4 + rand.N(time.Second/2)):
		return true
	case <-ctx.Done():
		return false
	}
}

// session is one connection: it waits for the lead and leads, until something fails.
func (r *Relay) session(ctx context.Context) error {
	pooled, err := r.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to the outbox: %w", err)
	}
	// Out of the pool: rows are claimed and marked in turn, and never wait for a connection.
	conn := pooled.Hijack()
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, sqlRoutes, r.cfg.Routes); err != nil {
		return fmt.Errorf("open the routes of the outbox: %w", err)
	}
	s := store{conn: conn}
	if err := r.payDebts(ctx, s); err != nil {
		return err
	}
	return lead.Hold(ctx, r.pool, lead.Relay, r.cfg.Who, r.cfg.Lease, r.cfg.Poll, conn.Ping, func(ctx context.Context, term *lead.Term) error {
		return r.lead(ctx, store{conn, term})
	})
}

// lead sends until the term ends.
func (r *Relay) lead(ctx context.Context, s store) error {
	r.metrics.leader.Set(1)
	defer r.metrics.leader.Set(0)
	r.cfg.Logger.Info("this relay sends the outbox", "term", s.term.Token)
	own, cancel := context.WithCancel(ctx)
	var listening sync.WaitGroup
	listening.Go(func() { r.listen(own) })
	defer listening.Wait()
	defer cancel()
	return newLeader(r, s).run(ctx)
}

// payDebts writes down what was sent before the database went away. Whoever leads now.
func (r *Relay) payDebts(ctx context.Context, s store) error {
	for len(r.owed) > 0 {
		if err := s.settle(ctx, r.owed[0]); err != nil {
			return err
		}
		r.owed = r.owed[1:]
	}
	return nil
}

// listen turns notifications into wake-ups. Polling is the safety net, so a lost
// connection only costs speed.
func (r *Relay) listen(ctx context.Context) {
	for ctx.Err() == nil {
		_ = r.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
			if _, err := c.Exec(ctx, "listen "+outbox.Channel); err != nil {
				return err
			}
			defer func() {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
				defer cancel()
				_, _ = c.Exec(ctx, "unlisten *")
			}()
			r.Wake() // for what was announced before
			for {
				if _, err := c.Conn().WaitForNotification(ctx); err != nil {
					return err
				}
				r.Wake()
			}
		})
		select {
		case <-time.After(r.cfg.Poll):
		case <-ctx.Done():
		}
	}
}
