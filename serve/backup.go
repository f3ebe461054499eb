package serve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/backup"
	"sluice/backup/storage"
	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/embedpg"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/inventory"
	"sluice/maintenance"
	"sluice/migrations"
	"sluice/partitions"
	"sluice/tenants"
)

// Backup says where backups go and how. The zero value is none.
type Backup struct {
	// To is a folder or s3://BUCKET/PREFIX?endpoint=URL; empty: no backups.
	To string
	// Recipients are age's, or files of them. Without one Unencrypted must say that this is meant.
	Recipients  []string
	Unencrypted bool
	// Identity is the file of the key that reads backups; who only makes them has none.
	Identity string
	// URL is that of a role that may replicate; empty is that of the database, and for the embedded server its superuser.
	URL string
	// Slot, WAL: see backup.Config.
	Slot, WAL string
	// Keep is how far back a moment can be restored. Default 30 days.
	Keep time.Duration
	// Every is how often a full backup is due, SwitchEvery how much time may be lost with the server, DrillEvery how often
	// a drill is due.
	Every, SwitchEvery, DrillEvery time.Duration
	// DrillHome is the folder of the scratch server, DrillPrograms that of its programs where they are not the embedded ones.
	DrillHome, DrillPrograms string
	Cluster                  string // of several in one store
	Program                  string // our version
}

// Check returns an *ask.WrongError where something makes no sense. Without To there is nothing to check.
func (b Backup) Check() error {
	switch {
	case b.To == "":
		return nil
	case len(b.Recipients) == 0 && !b.Unencrypted:
		return ask.Wrong("backup-recipient", "backups are encrypted: name a recipient, made by `sluice backup key FILE`, or say --backup-unencrypted")
	case len(b.Recipients) > 0 && b.Unencrypted:
		return ask.Wrong("backup-unencrypted", "there are recipients: it is one or the other")
	case b.Keep < time.Hour:
		return ask.Wrong("backup-keep", "%s: it is an hour or more", b.Keep)
	case b.Every < time.Minute:
		return ask.Wrong("backup-every", "%s: it is a minute or more", b.Every)
	case b.DrillEvery < time.Hour:
		return ask.Wrong("drill-every", "%s: it is an hour or more", b.DrillEvery)
	case b.WAL != backup.Stream && b.WAL != backup.Command && b.WAL != backup.None:
		return ask.Wrong("backup-wal", "%q: it is stream, command or none", b.WAL)
	}
	return nil
}

// Open opens the store and reads the keys.
func (b Backup) Open(ctx context.Context) (storage.Store, backup.Keys, error) {
	if b.To == "" {
		return nil, backup.Keys{}, ask.Wrong("backup-to", "say where backups are: a folder, or s3://BUCKET/PREFIX?endpoint=URL")
	}
	keys, err := backup.ReadKeys(b.Recipients, b.Identity)
	if err != nil {
		return nil, keys, err
	}
	store, err := storage.Open(ctx, b.To)
	return store, keys, err
}

// backupConfig is how this database is backed up. It is found, but not migrated: a backup comes before that.
func (d *Database) backupConfig(ctx context.Context, b Backup) (backup.Config, error) {
	if err := b.Check(); err != nil {
		return backup.Config{}, err
	}
	store, keys, err := b.Open(ctx)
	if err != nil {
		return backup.Config{}, err
	}
	if err := d.find(ctx); err != nil {
		return backup.Config{}, err
	}
	cfg := backup.Config{Slot: b.Slot, WAL: b.WAL, Store: store, Keys: keys, Program: b.Program, Logger: d.log}
	cfg.URL, cfg.Login = d.replication(b)
	return cfg, nil
}

// replication is how to connect as one who may replicate.
func (d *Database) replication(b Backup) (string, func(context.Context, *pgx.ConnConfig) error) {
	switch {
	case b.URL != "":
		return b.URL, nil
	case d.server != nil:
		return d.server.AdminURL(), d.login() // our own role may not replicate: that reads every byte of every tenant
	}
	return d.url, d.login()
}

// RunBackup makes a backup, and says so in core.maintenance and the audit log where the database is one that this program fits.
func (d *Database) RunBackup(ctx context.Context, b Backup, progress func(done, total int64)) (made backup.Backup, err error) {
	cfg, err := d.backupConfig(ctx, b)
	if err != nil {
		return made, err
	}
	cfg.Progress = progress
	_, err = d.noted(ctx, d.backupTask(b, func(ctx context.Context) (backup.Backup, backup.Pruned, error) {
		var err error
		made, err = backup.Run(ctx, cfg)
		return made, backup.Pruned{}, err
	}))
	return made, err
}

// noted runs a task as `maintain` does. A database that this program does not fit, before an upgrade say, is backed up without a note.
func (d *Database) noted(ctx context.Context, t maintenance.Task) (maintenance.Outcome, error) {
	conn, err := d.verified(ctx, func(*pgx.Conn) error { return nil })
	if old := (*pg.TooOldError)(nil); errors.As(err, &old) {
		return maintenance.Outcome{}, err
	}
	if err != nil {
		d.log.Warn("what comes of this is not noted in the database", "task", t.Name, "reason", err)
		_, err := t.Run(ctx, nil, false)
		return maintenance.Outcome{Task: t.Name}, err
	}
	conn.Close(context.WithoutCancel(ctx))
	pool, err := d.Maintainer(ctx)
	if err != nil {
		return maintenance.Outcome{}, err
	}
	out, err := maintenance.Once(ctx, pool, t, false)
	if err == nil && out.Elsewhere {
		err = fmt.Errorf("another process is at a %s of this database", t.Name)
	}
	return out, err
}

// auditOperator notes what was done with backups. Without a pool there is nobody to tell.
func auditOperator(ctx context.Context, pool *pgxpool.Pool, action string, what any) error {
	if pool == nil {
		return nil
	}
	return pg.Tenant(ctx, pool, id.Operator, func(tx pgx.Tx) error {
		return audit.Note(ctx, tx, id.Operator, audit.Entry{Action: action, Entity: "backup", Diff: audit.Change(nil, what)})
	})
}

// backupTask makes a backup by run, which may prune too.
func (d *Database) backupTask(b Backup, run func(context.Context) (backup.Backup, backup.Pruned, error)) maintenance.Task {
	return maintenance.Task{
		Name: "backup", Does: "make a full backup, and remove those that no moment of the retention needs", Every: b.Every, WhenDue: true,
		Run: func(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (maintenance.Result, error) {
			if dryRun {
				return maintenance.Result{What: "a full backup to " + b.To}, nil
			}
			made, pruned, err := run(ctx)
			if err != nil {
				return maintenance.Result{}, err
			}
			if len(pruned.Backups)+len(pruned.Unfinished)+pruned.WAL > 0 {
				if err := auditOperator(ctx, pool, "backup.prune", pruned); err != nil {
					return maintenance.Result{}, err
				}
			}
			r := maintenance.Result{Bytes: made.Plain(), Rows: int64(made.Files), What: fmt.Sprintf("backup %s, %d bytes of %d", made.ID, made.Bytes(), made.Plain())}
			return r, auditOperator(ctx, pool, "backup.run", made)
		},
	}
}

// Prune removes what no moment of the retention needs.
func (d *Database) Prune(ctx context.Context, b Backup, dryRun bool) (backup.Pruned, error) {
	store, _, err := b.Open(ctx)
	if err != nil {
		return backup.Pruned{}, err
	}
	return backup.Prune(ctx, store, b.Cluster, b.Keep, time.Now(), dryRun)
}

// backupTasks are what is due from time to time where backups are configured.
func (d *Database) backupTasks(b Backup) []maintenance.Task {
	if b.To == "" {
		return nil
	}
	list := []maintenance.Task{d.backupTask(b, func(ctx context.Context) (made backup.Backup, pruned backup.Pruned, err error) {
		cfg, err := d.backupConfig(ctx, b)
		if err != nil {
			return made, pruned, err
		}
		made, err = backup.Run(ctx, cfg)
		if err == nil {
			b := b
			b.Cluster = made.System.String()
			pruned, err = d.Prune(ctx, b, false)
		}
		return made, pruned, err
	})}
	if b.Identity != "" {
		list = append(list, d.drillTask(b, "", backup.Target{}, false, nil))
	}
	return list
}

// drillTask is a drill to a target; out, if set, is told what came of it.
func (d *Database) drillTask(b Backup, backupID string, t backup.Target, keep bool, told func(backup.Drilled)) maintenance.Task {
	return maintenance.Task{
		Name: "drill", Does: "restore the newest backup into a scratch server and check everything in it", Every: b.DrillEvery, WhenDue: true,
		Run: func(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (maintenance.Result, error) {
			if dryRun {
				return maintenance.Result{What: "a drill with " + b.To}, nil
			}
			out, err := d.drill(ctx, b, backupID, t, keep, pool)
			if told != nil {
				told(out)
			}
			r := maintenance.Result{Rows: out.Originals, Bytes: out.Bytes, What: fmt.Sprintf("backup %s restored to %s with %d documents, %d open findings", out.Backup, out.Target, out.Originals, out.Open)}
			if out.Backup == "" {
				return r, err
			}
			return r, errors.Join(err, auditOperator(ctx, pool, "backup.drill", out))
		},
	}
}

// Drill restores into a scratch server and checks what is in it.
func (d *Database) Drill(ctx context.Context, b Backup, backupID string, t backup.Target, keep bool) (out backup.Drilled, err error) {
	if err := d.find(ctx); err != nil {
		return out, err
	}
	_, err = d.noted(ctx, d.drillTask(b, backupID, t, keep, func(o backup.Drilled) { out = o }))
	return out, err
}

func (d *Database) drill(ctx context.Context, b Backup, backupID string, t backup.Target, keep bool, pool *pgxpool.Pool) (backup.Drilled, error) {
	store, keys, err := b.Open(ctx)
	if err != nil {
		return backup.Drilled{}, err
	}
	source, err := backup.Find(ctx, store, keys, b.Cluster, backupID, t)
	if err != nil {
		return backup.Drilled{}, err
	}
	home := b.DrillHome
	if home == "" {
		home = filepath.Join(os.TempDir(), "sluice-drill-"+strconv.Itoa(os.Geteuid()))
	}
	if err := embedpg.PrivateDir(home); err != nil {
		return backup.Drilled{}, fmt.Errorf("folder for the scratch server: %w", err)
	}
	cfg := backup.DrillConfig{
		Source: source, Home: home, Programs: b.DrillPrograms, Keep: keep, Logger: d.log,
		Migrated: func(ctx context.Context, url string) error {
			return d.at(ctx, url, func(c *Database, conn *pgx.Conn) error { return migrations.Verify(ctx, conn) })
		},
		Partitions: func(ctx context.Context, url string) (n int, err error) {
			err = d.at(ctx, url, func(c *Database, conn *pgx.Conn) error {
				list, lerr := partitions.List(ctx, conn, "")
				n = len(list)
				return errors.Join(lerr, partitionGaps(list))
			})
			return n, err
		},
		Rebuild: func(ctx context.Context, url string) error {
			return d.at(ctx, url, func(c *Database, _ *pgx.Conn) error { return c.rebuildAll(ctx) })
		},
		Project: func(ctx context.Context, url string) error {
			return d.at(ctx, url, func(c *Database, _ *pgx.Conn) error { return c.Project(ctx, 2, true) })
		},
	}
	if pool != nil {
		cfg.Live = func(ctx context.Context, until time.Time) (map[string]int64, error) {
			return receivedBefore(ctx, pool, until)
		}
	}
	// The fence of this task's lead is the live database's business; the restored one knows nothing of it.
	return backup.Drill(pg.WithoutFence(ctx), cfg)
}

// at works with another database: the one that was restored.
func (d *Database) at(ctx context.Context, url string, fn func(*Database, *pgx.Conn) error) error {
	c := NewDatabase(DatabaseConfig{URL: url, Formats: d.cfg.Formats, Logger: d.log})
	defer c.Close()
	conn, err := c.Bare(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return fn(c, conn)
}

// rebuildAll is `sluice rebuild` for every tenant and the shared feed.
func (d *Database) rebuildAll(ctx context.Context) error {
	pool, err := d.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	list, err := tenants.List(ctx, pool)
	if err != nil {
		return err
	}
	inv, err := d.Inventory()
	if err != nil {
		return err
	}
	for _, t := range append(list, tenants.Tenant{ID: id.Shared, Name: "the shared feed"}) {
		jobs, err := inv.Rebuild(ctx, t.ID, inventory.Rebuild{})
		if err == nil && jobs.Asked < jobs.Left {
			err = fmt.Errorf("%d jobs of an earlier rebuild are not done, %d of them were given up (sluice jobs list)", jobs.Left, jobs.GivenUp)
		}
		if err != nil {
			return fmt.Errorf("rebuild %s: %w", t.Name, err)
		}
	}
	return nil
}

// partitionGaps fails where a table's partitions do not follow one another.
func partitionGaps(list []partitions.Listed) error {
	var wrong []string
	for i, p := range list {
		if p.State == "pending" {
			wrong = append(wrong, p.Name+" is half detached")
		}
		if i > 0 && list[i-1].Parent == p.Parent && list[i-1].To != nil && p.From != nil && !list[i-1].To.Equal(*p.From) {
			wrong = append(wrong, fmt.Sprintf("%s has none from %s to %s", p.Parent, list[i-1].To.Format(time.RFC3339), p.From.Format(time.RFC3339)))
		}
	}
	if wrong != nil {
		return errors.New(strings.Join(wrong, ", "))
	}
	return nil
}

// receivedBefore counts the originals of every tenant.
func receivedBefore(ctx context.Context, pool *pgxpool.Pool, until time.Time) (map[string]int64, error) {
	list, err := tenants.List(ctx, pool)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, t := range append(list, tenants.Tenant{ID: id.Shared}) {
		err := pg.Tenant(ctx, pool, t.ID, func(tx pgx.Tx) error {
			got, err := backup.Received(ctx, tx, until)
			out[t.ID.String()] = got[t.ID.String()]
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("count the documents of tenant %s: %w", t.Name, err)
		}
	}
	return out, nil
}

// ArchiveWAL archives WAL until ctx ends.
func (d *Database) ArchiveWAL(ctx context.Context, b Backup) error { return d.archiveWAL(ctx, b, nil) }

func (d *Database) archiveWAL(ctx context.Context, b Backup, f *backupFigures) (err error) {
	cfg, err := d.backupConfig(ctx, b)
	if err == nil {
		cfg.WAL = backup.Stream
		if f != nil {
			cfg.Behind, cfg.Failed = f.archived, f.archiveFailed
		}
		err = backup.Receive(ctx, cfg, b.SwitchEvery)
	}
	if f != nil && ctx.Err() == nil {
		f.archiveFailed(err)
	}
	return err
}

// ArchiveNow archives all WAL up to now, and says up to where.
func (d *Database) ArchiveNow(ctx context.Context, b Backup) (backup.LSN, error) {
	cfg, err := d.backupConfig(ctx, b)
	if err != nil {
		return 0, err
	}
	cfg.WAL = backup.Stream
	return backup.ArchiveAll(ctx, cfg)
}

// DropSlot has the server keep no WAL for the archive any more.
func (d *Database) DropSlot(ctx context.Context, b Backup) error {
	if err := d.find(ctx); err != nil {
		return err
	}
	cfg := backup.Config{Slot: b.Slot, Logger: d.log}
	cfg.URL, cfg.Login = d.replication(b)
	return backup.DropSlot(ctx, cfg)
}

// RestoreHome restores the embedded server of this home, which must have none yet.
func (d *Database) RestoreHome(ctx context.Context, b Backup, backupID string, t backup.Target) (out backup.Filled, got embedpg.Recovered, err error) {
	store, keys, err := b.Open(ctx)
	if err != nil {
		return out, got, err
	}
	source, err := backup.Find(ctx, store, keys, b.Cluster, backupID, t)
	if err != nil {
		return out, got, err
	}
	got, err = embedpg.Recover(ctx, embedpg.Config{Home: d.cfg.Home, Logger: d.log}, embedpg.Recovery{
		Superuser: source.Backup.Superuser, Settings: source.Settings(),
		Fill: func(data, beside string) (err error) { out, err = source.Fill(ctx, data, beside); return err },
	})
	return out, got, err
}
