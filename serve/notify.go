package serve

import (
	"context"

	"sluice/internal/pg"
	"sluice/notify"
)

// Notify tunes who is told of findings.
type Notify struct {
	// Networks are those that webhooks may go to beyond public addresses: 10.1.0.0/16.
	Networks []string
}

// Check returns an *ask.WrongError where a network is none.
func (n Notify) Check() error {
	_, err := notify.ParseNetworks(n.Networks)
	return err
}

// Notifications opens the connections of who looks at rules and changes them.
func (d *Database) Notifications(ctx context.Context) (*notify.Store, error) {
	pool, err := d.Operator(ctx)
	if err != nil {
		return nil, err
	}
	return notify.NewStore(pool), nil
}

// Notifier opens the connections of who tells of findings.
func (d *Database) Notifier(ctx context.Context, n Notify) (*notify.Notifier, error) {
	return d.notifier(ctx, n, notify.Config{})
}

func (d *Database) notifier(ctx context.Context, n Notify, cfg notify.Config) (*notify.Notifier, error) {
	var err error
	if cfg.Allowed, err = notify.ParseNetworks(n.Networks); err != nil {
		return nil, err
	}
	pool, err := d.Pool(ctx, pg.Relay, notify.PoolConfig())
	if err != nil {
		return nil, err
	}
	cfg.OnOutage, cfg.Logger = d.Revive, d.log
	return notify.New(pool, cfg), nil
}

// notify adds the part that tells of findings. A login that may not do so leaves it to other processes, as before
// there was this part.
func (s *Service) notify(ctx context.Context, n Notify) error {
	notifier, err := s.db.notifier(ctx, n, notify.Config{Who: s.self.Holder(), Registerer: s.registry})
	if pg.FaultOf(err) == pg.FaultDefect {
		s.db.log.Warn("this process tells nobody of findings: its login may not act as "+string(pg.Relay)+"; grant that, or say --notify=false", "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	s.addBeside("notifications", notifier.Run)
	return nil
}
