package serve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/maintenance"
	"sluice/normalize"
	"sluice/partitions"
)

// Maintenance tunes what is done from time to time.
type Maintenance struct {
	// FeedPath is a folder, or the URL of an archive or of a page that lists archives, with
	// vulnerability facts for every tenant, imported when they change. Empty: none.
	FeedPath string
	// ExportDir is the folder for partitions that are exported when they expire.
	ExportDir string
	// Checkpoints is how long a stopped import can go on where it was, an hour or more; the
	// price is rows, one per file of such an import.
	Checkpoints time.Duration
	// Outbox is how long messages stay after they were sent, to look at.
	Outbox time.Duration
	// FailedJobs is how long jobs that were given up stay, an hour or more; 0 keeps all.
	FailedJobs time.Duration
	// StaleAfter is when a scan run of which nothing is heard counts as stopped, an hour or more.
	StaleAfter time.Duration
	// Anchors says where the newest hashes of the audit logs are published. Zero: nowhere.
	Anchors maintenance.AnchorConfig
	// Ingest has the formats that the feed is read with.
	Ingest ingest.Config
	// Backup, where it says where to, has backups made and drilled.
	Backup Backup
}

// Check returns an *ask.WrongError where a time makes no sense.
func (m Maintenance) Check() error {
	if m.Checkpoints < time.Hour {
		return ask.Wrong("keep-checkpoints", "%s: it is an hour or more", m.Checkpoints)
	}
	if m.StaleAfter < time.Hour {
		return ask.Wrong("stale-after", "%s: it is an hour or more", m.StaleAfter)
	}
	if m.FailedJobs != 0 && m.FailedJobs < time.Hour {
		return ask.Wrong("keep-failed-jobs", "%s: it is an hour or more, or 0 to keep all", m.FailedJobs)
	}
	return m.Backup.Check()
}

// Maintainer opens the connections that tasks work with.
func (d *Database) Maintainer(ctx context.Context) (*pgxpool.Pool, error) {
	return d.Pool(ctx, pg.Maintainer, maintenance.PoolConfig())
}

// Tasks are all of them, in the order of a one-shot run. Nothing is connected to yet.
func (d *Database) Tasks(m Maintenance) []maintenance.Task {
	list := []maintenance.Task{
		maintenance.Partitions(func(ctx context.Context, dryRun bool) (maintenance.Result, error) {
			return d.partitionPass(ctx, partitions.Config{ExportDir: m.ExportDir, Log: d.log}, dryRun)
		}),
		maintenance.Retention(maintenance.RetentionConfig{}),
		maintenance.Retire(d.retireUnseen),
		maintenance.Checkpoints(m.Checkpoints),
		maintenance.Runs(m.StaleAfter),
		maintenance.Jobs(m.FailedJobs),
		maintenance.Outbox(m.Outbox),
		maintenance.Views(d.refreshViews),
	}
	if m.Anchors != (maintenance.AnchorConfig{}) {
		list = append(list, maintenance.Anchors(m.Anchors))
	}
	list = append(list, d.feed(m.Ingest, maintenance.FeedConfig{Path: m.FeedPath}))
	return append(list, d.backupTasks(m.Backup)...)
}

// FetchFeeds is the task feed for sources that were added, those that are named or all.
func (d *Database) FetchFeeds(cfg ingest.Config, names []string) maintenance.Task {
	return d.feed(cfg, maintenance.FeedConfig{Only: names, OnlySources: true})
}

func (d *Database) feed(in ingest.Config, cfg maintenance.FeedConfig) maintenance.Task {
	cfg.Import = func(ctx context.Context, paths []string) (int64, error) { return d.importFeed(ctx, in, paths) }
	return maintenance.Feed(cfg)
}

// partitionPass is one pass of the partition manager, or the plan of one.
func (d *Database) partitionPass(ctx context.Context, cfg partitions.Config, dryRun bool) (maintenance.Result, error) {
	var out maintenance.Result
	conn, err := d.Dial(ctx)
	if err != nil {
		return out, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := asOwner(ctx, conn); err != nil {
		return out, err
	}
	now, err := partitions.Now(ctx, conn)
	if err != nil {
		return out, err
	}
	did := map[partitions.Kind]int{}
	if dryRun {
		plans, err := partitions.Plan(ctx, conn, now, cfg)
		for _, p := range plans {
			for _, x := range p.Actions {
				did[x.Kind]++
			}
			if p.Error != "" {
				err = errors.Join(err, fmt.Errorf("partitions of %s: %s", p.Parent, p.Error))
			}
		}
		return summed(did), err
	}
	reports, err := partitions.Maintain(ctx, conn, now, cfg)
	for _, r := range reports {
		for _, x := range r.Actions {
			did[x.Kind]++
		}
	}
	return summed(did), err
}

// summed says how many of each action there were, in the order of a pass.
func summed(did map[partitions.Kind]int) maintenance.Result {
	var out maintenance.Result
	var parts []string
	for _, k := range []partitions.Kind{
		partitions.Finalizes, partitions.Creates, partitions.Protects, partitions.Summarizes, partitions.Detaches,
		partitions.Exports, partitions.Drops, partitions.Analyzes, partitions.Steps,
	} {
		if did[k] > 0 {
			out.Rows += int64(did[k])
			parts = append(parts, fmt.Sprintf("%s %d", k, did[k]))
		}
	}
	out.What = strings.Join(parts, ", ")
	return out
}

func (d *Database) retireUnseen(ctx context.Context, tenant id.ID, cutoff time.Time, dryRun bool) (int, error) {
	own, done := d.Apart()
	defer done()
	inv, err := own.Inventory()
	if err != nil {
		return 0, err
	}
	purls, err := inv.RetireUnseen(pg.WithoutFence(ctx), tenant, cutoff, dryRun)
	return len(purls), err
}

func (d *Database) refreshViews(ctx context.Context) (bool, error) {
	own, done := d.Apart()
	defer done()
	w, err := own.Projector(ctx, 1)
	if err != nil {
		return false, err
	}
	return w.RefreshViews(pg.WithoutFence(ctx))
}

// importFeed imports files as `ingest file --shared` does, and returns how many documents
// were parked.
func (d *Database) importFeed(ctx context.Context, cfg ingest.Config, paths []string) (parked int64, err error) {
	own, done := d.Apart()
	defer done()
	LimitMemory(ServeMemory, normalize.DefaultLimits.MaxBytes)
	cfg.BatchBytes = 4 << 20
	out, err := own.Import(pg.WithoutFence(ctx), Import{
		Files:  files.Config{Paths: paths, Kind: normalize.Vuln, Limits: normalize.DefaultLimits, Parallel: 2},
		Shared: true, Ingest: cfg,
	})
	return out.Counts.Parked, err
}
