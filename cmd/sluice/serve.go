package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"sluice/internal/pg"
	"sluice/serve"
)

func newServe(a *app) *cobra.Command {
	var f consumerFlags
	var m maintainFlags
	var listen string
	var workers int
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run everything: consumers, projections, the outbox relay, maintenance, HTTP",
		Long: `Runs consumers and the outbox relay (where --brokers names a Kafka), projection workers
and maintenance (what ` + "`sluice maintain`" + ` does), and answers /metrics, /healthz and /readyz. Any number
of instances may run; they share the work out.`,
		Example: "  sluice serve --brokers localhost:9092\n  SLUICE_KAFKA_BROKERS=kafka:9092 SLUICE_DATABASE_URL=postgres://… sluice serve --listen :8080",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if workers < 1 || workers > 64 {
				return usagef("--workers %d: it is 1 to 64", workers)
			}
			if err := f.check(); err != nil {
				return err
			}
			if err := m.check(); err != nil {
				return err
			}
			ctx := cmd.Context()
			s, err := a.newService(ctx, listen)
			if err != nil {
				return err
			}
			if len(f.brokers) > 0 {
				if err := s.consume(ctx, &f, true); err != nil {
					return err
				}
			}
			w, err := a.worker(ctx, workers)
			if err != nil {
				return err
			}
			s.add("projections", func(ctx context.Context) error { return a.project(ctx, w, false, workers) })
			if err := s.jobFigures(ctx); err != nil {
				return err
			}
			m.outbox = f.outboxKeep
			if err := s.maintain(ctx, m); err != nil {
				return err
			}
			s.add("figures of partitions", s.partitionFigures)
			return s.run(ctx)
		},
	}
	f.add(cmd.Flags())
	m.add(cmd.Flags())
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address for HTTP (env SLUICE_LISTEN)")
	cmd.Flags().IntVar(&workers, "workers", 2, "tenants that are projected at the same time")
	return cmd
}

// service is what a long-running command is made of.
type service struct {
	app      *app
	registry *prometheus.Registry
	paused   *prometheus.GaugeVec
	listener net.Listener
	pool     *pgxpool.Pool // to ask whether the database answers
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

// startPatience is how long a service waits for its database at the start.
const startPatience = time.Minute

// newService connects to the database and takes its port, so that mistakes show at once.
func (a *app) newService(ctx context.Context, listen string) (*service, error) {
	s := &service{app: a, registry: prometheus.NewRegistry()}
	s.paused = serve.Paused(s.registry)
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if listen != "" {
		l, err := net.Listen("tcp", listen)
		if err != nil {
			return nil, fmt.Errorf("listen for HTTP: %w; choose another address with --listen", err)
		}
		s.listener = l
	}
	// It may be starting as well. Who waits longer than this has another trouble.
	patient, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	var last error
	err := a.persist(patient, func() error { last = a.connect(ctx); return last })
	if err != nil {
		return nil, last
	}
	pool, err := a.pool(ctx, pg.Reader, pg.Config{MaxConns: 1, StatementTimeout: 5 * time.Second})
	if err != nil {
		return nil, err
	}
	s.pool = pool
	s.ready("database", pool.Ping)
	return s, nil
}

// add adds a part. A defect of the database pauses it, and it is not ready then.
func (s *service) add(name string, run func(context.Context) error) {
	guard := serve.NewGuard(name, s.paused.WithLabelValues(name), s.app.log)
	s.ready(name, guard.Ready)
	s.parts = append(s.parts, part{name, func(ctx context.Context) error { return guard.Run(ctx, run) }})
}

func (s *service) ready(name string, ask func(context.Context) error) {
	s.checks = append(s.checks, check{name, ask})
}

func (s *service) onClose(fn func()) { s.closers = append(s.closers, fn) }

// run runs all parts until ctx ends or one of them cannot go on.
func (s *service) run(ctx context.Context) error {
	defer func() {
		for _, fn := range s.closers {
			fn()
		}
	}()
	g, gctx := errgroup.WithContext(ctx)
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
		server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
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
		s.app.log.Info("listening", "address", s.listener.Addr().String())
	}
	if err := g.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return ctx.Err()
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		var wrong []string
		for _, c := range s.checks {
			if err := c.ask(ctx); err != nil {
				wrong = append(wrong, c.name+": "+err.Error())
			}
		}
		if wrong != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, strings.Join(wrong, "\n"))
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return mux
}
