package figures

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlTables   = text("tables")
	sqlDatabase = text("database")
	sqlBackups  = text("backups")
)

// Timeout bounds each look: its statements, and their wait for a lock.
const Timeout = 5 * time.Second

// Config tunes Figures. Pool and Registerer are required.
type Config struct {
	// Pool acts as the monitor; one connection of it is used.
	Pool *pgxpool.Pool
	// Every is the least time between two looks at the queues. Default 15 s. Sizes and
	// partitions change slowly: they are looked at a quarter as often, and at most once a minute.
	Every time.Duration
	// Tenants are those with names, and what others are called.
	Tenants *Tenants
	// Kinds, Reasons and Topics have a value whether anything is there of them or not: an alarm
	// sees the first one as a change.
	Kinds, Reasons, Topics []string
	// Partitions, if set, looks at partitions.
	Partitions func(context.Context, *pgx.Conn) ([]Partition, error)
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Partition is how the partitions of a table stand.
type Partition struct {
	Table                                        string
	Ahead, AheadSeconds, Behind, Pending, Alarms float64
	Bytes, Rows                                  float64
	LastSuccess                                  float64 // Unix time; 0: never
}

// Figures keeps what was looked up.
type Figures struct {
	cfg                                       Config
	queues, tables, database, backups, parted *set
	queue                                     queueDescs
	table                                     tableDescs
	server                                    databaseDescs
	partition                                 partitionDescs
	backup                                    backupDescs
	looks                                     []func(context.Context, *pgx.Conn) error
}

// New registers the figures; they have no value until Run has looked.
func New(cfg Config) *Figures {
	if cfg.Every <= 0 {
		cfg.Every = 15 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	f := &Figures{cfg: cfg}
	known := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_figures_known", Help: "1 where the last look at the database succeeded, else 0; then the figures of the set have no value.",
	}, []string{"set"})
	at := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "sluice_figures_last_success_timestamp_seconds", Help: "When the figures of the set were looked up last, as Unix time; 0: never.",
	}, []string{"set"})
	cfg.Registerer.MustRegister(known, at)
	add := func(name string, every time.Duration) *set {
		return &set{name: name, every: every, known: known.WithLabelValues(name), at: at.WithLabelValues(name)}
	}
	slow := max(4*cfg.Every, min(time.Minute, 20*cfg.Every))
	f.queues, f.database, f.tables, f.backups = add("queues", cfg.Every), add("database", cfg.Every), add("tables", slow), add("backups", cfg.Every)
	f.queue.declare(f.queues)
	f.server.declare(f.database)
	f.table.declare(f.tables)
	f.backup.declare(f.backups)
	cfg.Registerer.MustRegister(f.queues, f.database, f.tables, f.backups)
	f.looks = append(f.looks, f.try(f.queues, f.lookAtQueues), f.try(f.database, f.lookAtDatabase), f.try(f.tables, f.lookAtTables), f.try(f.backups, f.lookAtBackups))
	if cfg.Partitions != nil {
		f.parted = add("partitions", slow)
		f.partition.declare(f.parted)
		cfg.Registerer.MustRegister(f.parted)
		f.looks = append(f.looks, f.try(f.parted, f.lookAtPartitions))
	}
	return f
}

// Run looks until ctx ends. It never fails: what it cannot find out has no value.
func (f *Figures) Run(ctx context.Context) error {
	for {
		f.round(ctx)
		select {
		case <-time.After(f.cfg.Every):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// round looks at everything that is due.
func (f *Figures) round(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, time.Duration(len(f.looks)+1)*Timeout)
	defer cancel()
	conn, err := f.cfg.Pool.Acquire(within)
	if err != nil {
		for _, s := range []*set{f.queues, f.database, f.tables, f.backups, f.parted} {
			s.fail()
		}
		if ctx.Err() == nil {
			f.cfg.Logger.Info("the database cannot be looked at", "error", err)
		}
		return
	}
	defer conn.Release()
	for _, look := range f.looks {
		if err := look(within, conn.Conn()); err != nil && ctx.Err() == nil {
			f.cfg.Logger.Info("figures cannot be looked up", "error", err)
		}
	}
}

// try is a look that keeps to the rhythm of its set and notes how it went.
func (f *Figures) try(s *set, look func(context.Context, *pgx.Conn) (look, error)) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, conn *pgx.Conn) error {
		if time.Now().Before(s.due) {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, Timeout)
		defer cancel()
		values, err := look(ctx, conn)
		if err != nil {
			s.fail()
			return fmt.Errorf("%s: %w", s.name, err)
		}
		s.due = time.Now().Add(s.every - s.every/10) // the loop's own pause is never shorter than it is
		s.keep(values)
		return nil
	}
}

func (s *set) keep(values look) {
	s.snapshot.set(values)
	s.known.Set(1)
	s.at.SetToCurrentTime()
}

// fail takes the values away: they are not known any more.
func (s *set) fail() {
	if s == nil {
		return
	}
	s.snapshot.set(nil)
	s.known.Set(0)
}

var errNoRow = errors.New("the server has no statistics of this database")
