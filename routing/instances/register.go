package instances

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/lead"
	"sluice/internal/pg"
)

// How often a process beats, the silence after which it counts as gone, and when it is forgotten.
const (
	Beat    = 3 * time.Second
	Silence = 15 * time.Second
	Memory  = 7 * 24 * time.Hour
)

// Config says who registers.
type Config struct {
	// Key is the name of the process. Default HOST:PID. Where another one that lives has it, this one
	// gets some digits behind it: what is for looking at must keep nobody from serving.
	Key string
	// Domain is where it answers HTTP. Default, and where another one that lives has the same, the
	// key: two machines may have one address, each on its own network.
	Domain string
	// Program is what it is: name and version.
	Program string
	// Parts are what it does.
	Parts  []string
	Logger *slog.Logger

	beat, silence time.Duration // for tests
}

// Self is the entry of this process.
type Self struct {
	cfg  Config
	pool *pgxpool.Pool
	id   id.ID

	draining chan struct{} // closed when it was told to stop
	stopOnce sync.Once
}

// Register enters this process. pool acts as pg.Maintainer.
func Register(ctx context.Context, pool *pgxpool.Pool, cfg Config) (*Self, error) {
	if cfg.Key == "" {
		host, _ := os.Hostname()
		cfg.Key = fmt.Sprintf("%s:%d", host, os.Getpid())
	}
	if cfg.Domain == "" {
		cfg.Domain = cfg.Key
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Parts == nil {
		cfg.Parts = []string{}
	}
	if cfg.beat == 0 {
		cfg.beat, cfg.silence = Beat, Silence
	}
	s := &Self{cfg: cfg, pool: pool, draining: make(chan struct{})}
	_, _ = rand.Read(s.id[:]) // never fails
	s.id[6], s.id[8] = s.id[6]&0x0f|0x40, s.id[8]&0x3f|0x80
	return s, s.enter(ctx)
}

// Holder is this process as who leads.
func (s *Self) Holder() lead.Holder { return lead.Holder{ID: s.id, Name: s.cfg.Key} }

// enter takes a row of the register.
func (s *Self) enter(ctx context.Context) error {
	err := pg.Tenant(ctx, s.pool, id.Operator, func(tx pgx.Tx) error {
		// One process at a time: two might give themselves the same name.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('sluice.instances', 0))`); err != nil {
			return err
		}
		var taken int
		if err := tx.QueryRow(ctx, sqlFreeDomain, id.Operator, s.cfg.Domain, s.cfg.Key, s.cfg.silence).Scan(&taken); err != nil {
			return err
		}
		domain := s.cfg.Domain
		if taken > 0 {
			domain = s.cfg.Key
		}
		entered, err := s.put(ctx, tx, domain)
		if err != nil || entered {
			return err
		}
		other := fmt.Sprintf("%s-%x", s.cfg.Key, s.id[:3])
		s.cfg.Logger.Warn("another process that lives has the name of this one", "instance", s.cfg.Key, "named", other)
		s.cfg.Key = other
		_, err = s.put(ctx, tx, other)
		return err
	})
	if err != nil {
		return fmt.Errorf("register instance %s: %w", s.cfg.Key, err)
	}
	return nil
}

func (s *Self) put(ctx context.Context, tx pgx.Tx, domain string) (entered bool, err error) {
	tag, err := tx.Exec(ctx, sqlRegister, id.Operator, s.id, s.cfg.Key, domain, s.cfg.Program, s.cfg.Parts, s.cfg.silence)
	return tag.RowsAffected() == 1, err
}

// Drain says that the process finishes what is in hand.
func (s *Self) Drain() { s.stopOnce.Do(func() { close(s.draining) }) }

// Run beats until ctx ends, and says then that the process is offline. A beat that fails is made up
// for by the next: the register is for looking at.
func (s *Self) Run(ctx context.Context) {
	tick := time.NewTicker(s.cfg.beat)
	defer tick.Stop()
	for draining := s.draining; ; {
		select {
		case <-tick.C:
		case <-draining:
			draining = nil // once
		case <-ctx.Done():
			s.leave(ctx)
			return
		}
		if err := s.once(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Info("the register of instances does not hear of this process", "instance", s.cfg.Key, "error", err)
		}
	}
}

func (s *Self) once(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.silence/2)
	defer cancel()
	status := Active
	select {
	case <-s.draining:
		status = Draining
	default:
	}
	known := false
	err := pg.Tenant(ctx, s.pool, id.Operator, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sqlBeat, id.Operator, s.id, status)
		if err != nil {
			return err
		}
		known = tag.RowsAffected() == 1
		if _, err := tx.Exec(ctx, sqlSilent, id.Operator, s.cfg.silence); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlForget, id.Operator, Memory)
		return err
	})
	if err != nil || known {
		return err
	}
	// It was silent for so long that it was forgotten, or that another process took its name.
	return s.enter(ctx)
}

// leave says that the process has ended.
func (s *Self) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = pg.Tenant(ctx, s.pool, id.Operator, func(tx pgx.Tx) error { // else its silence tells
		_, err := tx.Exec(ctx, sqlBeat, id.Operator, s.id, Offline)
		return err
	})
}
