package notify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"sluice/internal/lead"
	"sluice/internal/pg"
)

// Notifier looks for what rules tell of, and sends it. Of all of a database one leads, and the others
// stand by.
type Notifier struct {
	cfg     Config
	pool    *pgxpool.Pool
	client  *client
	metrics *metrics
	wake    chan struct{}
	// For tests: called between a receiver's answer and writing it down.
	beforeSettle func(landed) error
}

// New returns a notifier. Its pool acts as pg.Relay, as PoolConfig says.
func New(pool *pgxpool.Pool, cfg Config) *Notifier {
	cfg = cfg.withDefaults()
	return &Notifier{
		cfg: cfg, pool: pool, client: newClient(cfg.Timeout, cfg.Allowed, cfg.Roots), metrics: newMetrics(cfg.Registerer),
		wake: make(chan struct{}, 1), beforeSettle: func(landed) error { return nil },
	}
}

// Run looks and sends until ctx ends and returns its error; what is under way then is finished within 5 s. It
// survives outages of the database. Any other error is a defect of the program or of the schema.
func (n *Notifier) Run(ctx context.Context) error {
	defer n.client.close()
	for {
		err := lead.Hold(ctx, n.pool, lead.Notify, n.cfg.Who, n.cfg.Lease, min(n.cfg.Poll, 2*time.Second), nil, n.lead)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fault := pg.FaultOf(err)
		if !lead.Lost(err) && fault != pg.FaultOutage {
			return pg.Tell(pg.RoleOf(n.pool), err)
		}
		n.cfg.Logger.Warn("notifications wait", "fault", string(fault), "error", err)
		if fault == pg.FaultOutage && n.cfg.OnOutage != nil {
			n.cfg.OnOutage(err)
		}
		select {
		case <-time.After(time.Second/4 + rand.N(time.Second/2)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lead looks and sends until the term ends. Neither waits for the other.
func (n *Notifier) lead(ctx context.Context, term *lead.Term) error {
	n.metrics.leader.Set(1)
	defer n.metrics.leader.Set(0)
	n.cfg.Logger.Info("this process sends notifications", "term", term.Token)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.newSender().run(gctx) })
	g.Go(func() error {
		for {
			began := time.Now()
			wrote, err := n.look(term.Within(gctx), false)
			if err != nil {
				return err
			}
			if wrote > 0 {
				select {
				case n.wake <- struct{}{}:
				default:
				}
			}
			select {
			case <-time.After(max(min(n.cfg.Poll, time.Second), time.Since(began))): // with many rules, half of the time at most
			case <-gctx.Done():
				return gctx.Err()
			}
		}
	})
	return g.Wait()
}

// Tally is what Once did.
type Tally struct {
	Told    int `json:"told"`    // messages that were written
	Sent    int `json:"sent"`    // messages that were taken by their receivers
	Waiting int `json:"waiting"` // messages that were not, and are tried again
	Failed  int `json:"failed"`  // messages that were given up
}

// ErrElsewhere: another process sends, so there is nothing to do here.
var ErrElsewhere = errors.New("another process sends notifications: `sluice instances` says which")

// Once looks with every rule, whether its time has come or not, and sends what waits, each message once.
func (n *Notifier) Once(ctx context.Context) (Tally, error) {
	defer n.client.close()
	s := n.newSender()
	term, err := lead.Take(ctx, n.pool, lead.Notify, n.cfg.Who, n.cfg.Lease)
	if err != nil {
		return s.tally, err
	}
	if term == nil {
		return s.tally, ErrElsewhere
	}
	err = term.Serve(ctx, func(ctx context.Context) (err error) {
		if s.tally.Told, err = n.look(term.Within(ctx), true); err != nil {
			return err
		}
		return s.drain(ctx)
	})
	if err != nil {
		return s.tally, fmt.Errorf("notifications: %w", err)
	}
	return s.tally, nil
}
