package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"sluice/authority"
	"sluice/backup"
	"sluice/ingest"
	"sluice/internal/pg"
	"sluice/maintenance"
	"sluice/projections"
	"sluice/routing/instances"
	"sluice/serve/figures"
)

// Config says which parts a Service has. With the zero value but for Database it only waits.
type Config struct {
	// Database is what all parts work with. The caller closes it. Required.
	Database *Database
	// Listen is the address for HTTP; empty: none. Whoever reaches it learns figures, unless they
	// are protected, and whether the process is well; all else takes a token.
	Listen string
	// Access says whose tokens are accepted besides our own.
	Access Access
	// ProtectMetrics asks for a token with the permission metrics at /metrics.
	ProtectMetrics bool
	// Routes are answered besides our own.
	Routes []Route
	// Consume, if set, takes documents from topics.
	Consume *Consume
	// Projectors is how many tenants are projected at the same time, up to 64: two
	// connections each. 0: none.
	Projectors int
	// Instance is the name of this process in the register of instances, and Program what it is. Default
	// HOST:PID.
	Instance, Program string
	// Maintenance, if set, has this process take part in maintenance, and tell how partitions
	// stand. Of all processes one does it.
	Maintenance *Maintenance
	// Notify, if set, has this process take part in telling of findings. Of all processes one does it.
	Notify *Notify
	// Metrics tunes what /metrics shows.
	Metrics Metrics
}

func (c Config) check() error {
	if c.Database == nil {
		return errors.New("serve: Config.Database is required")
	}
	if c.Projectors != 0 {
		if err := CheckProjectors(c.Projectors); err != nil {
			return err
		}
	}
	if c.Consume != nil {
		if err := c.Consume.Check(); err != nil {
			return err
		}
	}
	if err := c.Metrics.Check(); err != nil {
		return err
	}
	if c.Notify != nil {
		if err := c.Notify.Check(); err != nil {
			return err
		}
	}
	if c.Maintenance != nil {
		return c.Maintenance.Check()
	}
	return nil
}

// Service is a process that runs until it is stopped.
type Service struct {
	db       *Database
	registry *prometheus.Registry
	tenants  *figures.Tenants
	paused   *prometheus.GaugeVec
	listener net.Listener
	access   *authority.Authority
	answers  http.Handler  // to HTTP; nil without a listener
	pool     *pgxpool.Pool // to ask whether the database answers
	self     *instances.Self
	parts    []part
	checks   []check
	closers  []func()
}

type part struct {
	name string
	run  func(context.Context) error
}

type check struct {
	name string
	ask  func(context.Context) error
}

// leastConns is what the pools of a service that are larger keep open: the specification's section
// 13.1. A command keeps none, since it ends.
const leastConns = 5

// startPatience is how long a service waits for its database at the start.
const startPatience = time.Minute

// New connects to the database and takes its port, so that mistakes show at once.
func New(ctx context.Context, cfg Config) (*Service, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Service{db: cfg.Database, registry: prometheus.NewRegistry(), tenants: figures.NewTenants(cfg.Metrics.Tenants)}
	s.db.least = leastConns
	s.paused = newPaused(s.registry)
	s.db.queries, s.db.imports, s.db.project = pg.NewMetrics(s.registry, cfg.Metrics.SlowQuery), ingest.NewMetrics(s.registry, s.tenants.Label), projections.NewMetrics(s.registry)
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if cfg.Consume != nil {
		s.onClose(cfg.Consume.Broker.Close)
	}
	if err := s.open(ctx, cfg); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *Service) open(ctx context.Context, cfg Config) error {
	if cfg.Listen != "" {
		l, err := net.Listen("tcp", cfg.Listen)
		if err != nil {
			return fmt.Errorf("listen for HTTP: %w; choose another address with --listen", err)
		}
		s.listener = l
		s.onClose(func() { _ = l.Close() })
	}
	// It may be starting as well. Who waits longer than this has another trouble.
	patient, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	var last error
	if err := s.db.Persist(patient, func() error { last = s.db.Connect(ctx); return last }); err != nil {
		return last
	}
	var err error
	if s.pool, err = s.db.Pool(ctx, pg.Reader, pg.Config{MaxConns: 1, StatementTimeout: 5 * time.Second}); err != nil {
		return err
	}
	if err := lookAtLogin(ctx, s.pool, s.db.log); err != nil {
		return err
	}
	s.ready("database", s.pool.Ping)
	if err := s.register(ctx, cfg); err != nil {
		return err
	}
	if s.listener != nil {
		access := cfg.Access
		access.registry = s.registry
		if s.access, err = s.db.Authority(ctx, access); err != nil {
			return err
		}
		if s.answers, err = s.handler(s.routes(cfg)); err != nil {
			return err
		}
	}
	if cfg.Consume != nil {
		if err := s.consume(ctx, *cfg.Consume); err != nil {
			return err
		}
	}
	if cfg.Projectors > 0 {
		w, err := s.db.Projector(ctx, cfg.Projectors)
		if err != nil {
			return err
		}
		s.add("projections", func(ctx context.Context) error { return project(ctx, w, cfg.Projectors, false) })
	}
	if cfg.Notify != nil {
		if err := s.notify(ctx, *cfg.Notify); err != nil {
			return err
		}
	}
	if s.listener != nil {
		if err := s.figures(ctx, cfg.Metrics); err != nil {
			return err
		}
	}
	s.registry.MustRegister(newDisks(s.folders(cfg)))
	if cfg.Maintenance == nil {
		return nil
	}
	s.db.imports.Source(sourceFiles) // of a feed
	pool, err := s.db.Maintainer(ctx)
	if err != nil {
		return err
	}
	loop := maintenance.NewLoop(pool, maintenance.LoopConfig{
		Tasks: s.db.Tasks(*cfg.Maintenance), Who: s.self.Holder(), OnOutage: s.db.Revive, Registerer: s.registry, Logger: s.db.log,
	})
	s.add("maintenance", loop.Run)
	f := newBackupFigures(s.registry)
	if b := cfg.Maintenance.Backup; b.To != "" && b.WAL == backup.Stream {
		s.addBeside("archive of WAL", func(ctx context.Context) error { return s.db.archiveWAL(ctx, b, f) })
	}
	return nil
}

// folders are those whose disks the process depends on, by what is there.
func (s *Service) folders(cfg Config) map[string]string {
	out := map[string]string{"temporary": os.TempDir()}
	if s.db.server != nil {
		out["database"] = s.db.server.DataDir()
	}
	if cfg.Maintenance != nil && cfg.Maintenance.ExportDir != "" {
		out["export"] = cfg.Maintenance.ExportDir
	}
	return out
}

// add adds a part. A defect of the database pauses it, and it is not ready then.
func (s *Service) add(name string, run func(context.Context) error) {
	guard := newGuard(name, s.paused.WithLabelValues(name), s.db.log)
	s.ready(name, guard.ready)
	s.parts = append(s.parts, part{name, func(ctx context.Context) error { return guard.run(ctx, run) }})
}

// addBeside adds a part that the others do not depend on: whatever it fails with, it alone is paused
// and tried again, and the process stays ready.
func (s *Service) addBeside(name string, run func(context.Context) error) {
	guard := newGuard(name, s.paused.WithLabelValues(name), s.db.log)
	guard.always = true
	s.parts = append(s.parts, part{name, func(ctx context.Context) error { return guard.run(ctx, run) }})
}

func (s *Service) ready(name string, ask func(context.Context) error) {
	s.checks = append(s.checks, check{name, ask})
}

func (s *Service) onClose(fn func()) { s.closers = append(s.closers, fn) }

func (s *Service) close() {
	for _, fn := range s.closers {
		fn()
	}
}

// Run runs all parts until ctx ends or one of them cannot go on.
func (s *Service) Run(ctx context.Context) error {
	defer s.close()
	g, gctx := errgroup.WithContext(ctx)
	defer s.beat(gctx)()
	for _, p := range s.parts {
		g.Go(func() error {
			err := p.run(gctx)
			if gctx.Err() == nil {
				if err == nil {
					err = errors.New("ended by itself")
				}
				return fmt.Errorf("%s: %w", p.name, err)
			}
			return nil
		})
	}
	if s.listener != nil {
		server := &http.Server{Handler: s.answers, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
		g.Go(func() error {
			if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("HTTP: %w", err)
			}
			return nil
		})
		g.Go(func() error {
			<-gctx.Done()
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			return server.Shutdown(end)
		})
		s.db.log.Info("listening", "address", s.listener.Addr().String())
	}
	if err := g.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return ctx.Err()
}
