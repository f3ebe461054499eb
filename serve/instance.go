package serve

import (
	"context"
	"net"
	"os"

	"sluice/internal/pg"
	"sluice/routing/instances"
)

// register enters the process into the register of instances.
func (s *Service) register(ctx context.Context, cfg Config) error {
	pool, err := s.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	self := instances.Config{Key: cfg.Instance, Program: cfg.Program, Logger: s.db.log}
	if s.listener != nil {
		self.Domain = reachedAt(s.listener.Addr().String())
	}
	for _, p := range []struct {
		has  bool
		name string
	}{{cfg.Consume != nil, "consumers"}, {cfg.Projectors > 0, "projections"}, {cfg.Consume != nil && cfg.Consume.Relay, "relay"}, {cfg.Notify != nil, "notifications"}, {cfg.Maintenance != nil, "maintenance"}} {
		if p.has {
			self.Parts = append(self.Parts, p.name)
		}
	}
	return s.db.Persist(ctx, func() error { s.self, err = instances.Register(ctx, pool, self); return err })
}

// reachedAt is an address as others may call it: with this host's name where it is none of one
// network interface that others reach.
func reachedAt(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && (ip == nil || ip.IsLoopback() || ip.IsUnspecified()) {
		if name, err := os.Hostname(); err == nil {
			return net.JoinHostPort(name, port)
		}
	}
	return address
}

// beat keeps the entry of this process alive: draining from the end of ctx on, offline when the returned
// function is called.
func (s *Service) beat(ctx context.Context) (end func()) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); s.self.Run(own) }()
	context.AfterFunc(ctx, s.self.Drain)
	return func() { cancel(); <-done }
}
