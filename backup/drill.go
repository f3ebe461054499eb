package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/klauspost/compress/zstd"

	"sluice/internal/embedpg"
	"sluice/internal/id"
)

// DrillConfig says how a drill is done. What it asks of other rooms is handed over.
type DrillConfig struct {
	Source Source
	// Home is where the scratch server lives; what is there of an earlier drill is removed. It takes
	// as much disk as the database, and once more for what the rebuild writes.
	Home string
	// Programs is a folder with bin/postgres of the backup's major version; empty is the embedded one.
	Programs string
	// Keep leaves the scratch server's folder, to look at.
	Keep bool
	// Migrated fails unless the database fits this program.
	Migrated func(ctx context.Context, url string) error
	// Partitions fails where time partitions have a gap, and says how many there are.
	Partitions func(ctx context.Context, url string) (int, error)
	// Rebuild asks, by jobs, for all that is derived to be made again from the originals, for every tenant.
	Rebuild func(ctx context.Context, url string) error
	// Project brings the derived tables up to what is stored, and does the jobs.
	Project func(ctx context.Context, url string) error
	// Live counts the originals of the running database that came up to a time, by tenant; nil: it is not asked.
	Live   func(ctx context.Context, until time.Time) (map[string]int64, error)
	Logger *slog.Logger
}

// Drilled is what came of a drill.
type Drilled struct {
	Backup     string             `json:"backup"`
	Target     string             `json:"target"`
	LastCommit time.Time          `json:"last_commit"` // of the last transaction that was restored
	LSN        string             `json:"lsn"`
	Restored   Filled             `json:"restored"`
	Seconds    map[string]float64 `json:"seconds"` // by step
	Rows       map[string]int64   `json:"rows"`    // by table, partitions added up with their name's schema
	Originals  int64              `json:"originals"`
	Bytes      int64              `json:"original_bytes"`
	Indexes    int                `json:"indexes"`
	Partitions int                `json:"partitions"`
	Open       int64              `json:"open_findings"`
	Suppressed int64              `json:"suppressed_findings"`
	// Failed are the steps that found something wrong, with what it is.
	Failed []string `json:"failed"`
}

// Drill restores into a scratch server and checks everything that was restored. What is wrong with the
// restored database is in Failed and in the error.
func Drill(ctx context.Context, cfg DrillConfig) (out Drilled, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	out = Drilled{Backup: cfg.Source.Backup.ID, Target: cfg.Source.Target.String(), Seconds: map[string]float64{}, Rows: map[string]int64{}, Failed: []string{}}
	server := embedpg.Config{
		Home: cfg.Home, Programs: cfg.Programs, Linger: -1, Logger: cfg.Logger,
		// What is in it is a copy, and thrown away.
		Settings: map[string]string{"fsync": "off", "synchronous_commit": "off", "autovacuum": "on", "shared_preload_libraries": ""},
	}
	if cfg.Programs == "" && cfg.Source.Backup.Major() != embeddedMajor {
		return out, fmt.Errorf("the backup is of PostgreSQL %s and the program brings %s along: name a folder with bin/postgres of %s with --programs",
			cfg.Source.Backup.Version, embeddedMajor, cfg.Source.Backup.Major())
	}
	// Of a drill that was killed.
	if err := embedpg.Remove(ctx, server); err != nil {
		return out, fmt.Errorf("scratch server of an earlier drill: %w", err)
	}
	defer func() {
		if cfg.Keep {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if rerr := embedpg.Remove(ctx, server); err == nil && rerr != nil {
			err = fmt.Errorf("scratch server: %w", rerr)
		}
		_ = os.Remove(cfg.Home)
	}()
	d := &drill{DrillConfig: cfg, out: &out}
	err = d.step("restore", func() error { return d.restore(ctx, server) })
	if err != nil {
		return out, err
	}
	s, err := embedpg.Start(ctx, server)
	if err != nil {
		return out, fmt.Errorf("start what was restored: %w", err)
	}
	defer func() {
		s.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_ = s.WaitStopped(ctx)
	}()
	if d.url, err = databaseURL(s.AdminURL(), cfg.Source.Backup); err != nil {
		return out, err
	}
	if d.conn, err = pgx.Connect(ctx, d.url); err != nil {
		return out, fmt.Errorf("connect to what was restored: %w", err)
	}
	defer d.conn.Close(context.WithoutCancel(ctx))
	return out, d.check(ctx)
}

var embeddedMajor = majorOf(embedpg.Version)

// databaseURL leads to the database that was backed up, as the superuser of its server.
func databaseURL(admin string, b Backup) (string, error) {
	u, err := url.Parse(admin)
	if err != nil {
		return "", err
	}
	password, _ := u.User.Password()
	u.User, u.Path = url.UserPassword(b.Superuser, password), "/"+b.Database
	return u.String(), nil
}

type drill struct {
	DrillConfig
	out  *Drilled
	url  string
	conn *pgx.Conn
}

func (d *drill) step(name string, fn func() error) error {
	began := time.Now()
	err := fn()
	d.out.Seconds[name] = time.Since(began).Seconds()
	d.Logger.Info("drill", "step", name, "took", time.Since(began).Round(time.Millisecond), "error", err)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (d *drill) restore(ctx context.Context, server embedpg.Config) error {
	got, err := embedpg.Recover(ctx, server, embedpg.Recovery{
		Superuser: d.Source.Backup.Superuser, Settings: d.Source.Settings(), Scratch: true,
		Fill: func(data, beside string) (err error) {
			d.out.Restored, err = d.Source.Fill(ctx, data, beside)
			return err
		},
	})
	d.out.LastCommit, d.out.LSN = got.LastCommit, got.LSN
	return err
}

// check makes all checks: one that fails does not keep the others from telling more.
func (d *drill) check(ctx context.Context) error {
	var failed []error
	for _, s := range []struct {
		name string
		fn   func(context.Context) error
	}{
		{"migrate verify", func(ctx context.Context) error { return d.Migrated(ctx, d.url) }},
		{"rows", d.rows},
		{"torn transactions", d.orphans},
		{"originals", d.originals},
		{"against the live database", d.live},
		{"partitions", func(ctx context.Context) (err error) {
			d.out.Partitions, err = d.Partitions(ctx, d.url)
			return err
		}},
		{"tables and indexes", d.amcheck},
		{"rebuild", d.rebuild},
	} {
		err := d.step(s.name, func() error { return s.fn(ctx) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = append(failed, err)
			d.out.Failed = append(d.out.Failed, err.Error())
		}
	}
	return errors.Join(failed...)
}

type table struct {
	Schema, Name string
	OID          uint32
}

func (t table) String() string { return pgx.Identifier{t.Schema, t.Name}.Sanitize() }

func (d *drill) tables(ctx context.Context) ([]table, error) {
	rows, err := d.conn.Query(ctx, sqlTables)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[table])
}

// rows counts, and with it reads every page of every table.
func (d *drill) rows(ctx context.Context) error {
	list, err := d.tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range list {
		var n int64
		if err := d.conn.QueryRow(ctx, `select count(*) from `+t.String()).Scan(&n); err != nil {
			return fmt.Errorf("count %s: %w", t, err)
		}
		d.out.Rows[t.Schema+"."+t.Name] = n
	}
	if d.out.Rows["ingest.original"] == 0 {
		d.Logger.Warn("the restored database has no documents")
	}
	return nil
}

func (d *drill) orphans(ctx context.Context) error {
	rows, err := d.conn.Query(ctx, sqlOrphans)
	if err != nil {
		return err
	}
	var what string
	var n int64
	var wrong []string
	_, err = pgx.ForEachRow(rows, []any{&what, &n}, func() error {
		if n > 0 {
			wrong = append(wrong, fmt.Sprintf("%d %s", n, what))
		}
		return nil
	})
	if err == nil && wrong != nil {
		err = errors.New(strings.Join(wrong, ", "))
	}
	return err
}

// originals compares the bytes of every document with its content hash.
func (d *drill) originals(ctx context.Context) error {
	unzip, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer unzip.Close()
	type original struct {
		Tenant   id.ID
		Hash     []byte
		Encoding string
		Size     int64
		Bytes    []byte
	}
	last := original{Hash: []byte{}}
	for {
		rows, err := d.conn.Query(ctx, sqlOriginals, last.Tenant, last.Hash)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[original])
		if err != nil {
			return err
		}
		for _, o := range list {
			plain := o.Bytes
			if o.Encoding == "zstd" {
				if plain, err = unzip.DecodeAll(o.Bytes, nil); err != nil {
					return fmt.Errorf("original %x of tenant %s: %w", o.Hash, o.Tenant, err)
				}
			}
			if sum := sha256.Sum256(plain); !slices.Equal(sum[:], o.Hash) || int64(len(plain)) != o.Size {
				return fmt.Errorf("original %x of tenant %s: its bytes have another hash, %x", o.Hash, o.Tenant, sum)
			}
			d.out.Originals++
			d.out.Bytes += o.Size
			last = o
		}
		if len(list) == 0 {
			return nil
		}
	}
}

// inFlight is how long an import may take from its first row to its commit: what came so shortly before
// the target may have been committed after it.
const inFlight = 10 * time.Minute

// live compares with the running database: what it has from before the target was restored. It may have less, where retention deleted meanwhile.
func (d *drill) live(ctx context.Context) error {
	if d.Live == nil {
		return nil
	}
	until := d.out.LastCommit
	if until.IsZero() {
		until = d.Source.Backup.Began
	}
	until = until.Add(-inFlight)
	want, err := d.Live(ctx, until)
	if err != nil {
		return err
	}
	got, err := Received(ctx, d.conn, until)
	if err != nil {
		return err
	}
	for _, t := range slices.Sorted(maps.Keys(want)) {
		if got[t] < want[t] {
			return fmt.Errorf("tenant %s has %d documents from before %s, of which %d were restored", t, want[t], until.Format(time.RFC3339), got[t])
		}
	}
	return nil
}

// Received counts the originals that came up to a time, by tenant: of those tenants that the connection sees.
func Received(ctx context.Context, db interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
}, until time.Time,
) (map[string]int64, error) {
	rows, err := db.Query(ctx, sqlReceived, until)
	if err != nil {
		return nil, err
	}
	got := map[string]int64{}
	var tenant string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&tenant, &n}, func() error { got[tenant] = n; return nil })
	return got, err
}

// amcheck looks into every table and index, where the server has the extension.
func (d *drill) amcheck(ctx context.Context) error {
	var has bool
	if err := d.conn.QueryRow(ctx, sqlHasAmcheck).Scan(&has); err != nil || !has {
		return err
	}
	if _, err := d.conn.Exec(ctx, `create extension if not exists amcheck schema pg_catalog`); err != nil {
		return err
	}
	list, err := d.tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range list {
		var n int64
		var example string
		if err := d.conn.QueryRow(ctx, sqlHeap, t.OID).Scan(&n, &example); err != nil {
			return fmt.Errorf("table %s: %w", t, err)
		}
		if n > 0 {
			return fmt.Errorf("table %s: %d faults, %s", t, n, example)
		}
	}
	type index struct {
		Name string
		OID  uint32
	}
	rows, err := d.conn.Query(ctx, sqlIndexes)
	if err != nil {
		return err
	}
	indexes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[index])
	if err != nil {
		return err
	}
	for _, i := range indexes {
		if _, err := d.conn.Exec(ctx, sqlIndex, i.OID); err != nil {
			var pe *pgconn.PgError
			if errors.As(err, &pe) {
				return fmt.Errorf("index %s: %s %s", i.Name, pe.Message, pe.Detail)
			}
			return fmt.Errorf("index %s: %w", i.Name, err)
		}
		d.out.Indexes++
	}
	return nil
}

// rebuild does away with what is derived, has it made again from the originals, and compares.
func (d *drill) rebuild(ctx context.Context) error {
	// First what was still in the queue at that moment.
	if err := d.Project(ctx, d.url); err != nil {
		return err
	}
	if err := d.Rebuild(ctx, d.url); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, d.conn, func(tx pgx.Tx) error {
		for _, sql := range []string{sqlRemember, sqlClear} {
			if _, err := tx.Conn().PgConn().Exec(ctx, sql).ReadAll(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := d.Project(ctx, d.url); err != nil {
		return err
	}
	var n int64
	var example string
	if err := d.conn.QueryRow(ctx, sqlDifference).Scan(&d.out.Open, &d.out.Suppressed, &n, &example); err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("what is derived differs from a rebuild in %d rows; %s", n, example)
	}
	return nil
}
