package maintenance

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/tenants"
)

// RetentionConfig tunes Retention. The zero value is usable.
type RetentionConfig struct {
	// Batch is how many documents one transaction looks at, and deletes at most. Default 500.
	Batch int
	// LockTimeout is how long a batch waits for imports that build on a stored document, and
	// for the projection of the tenant. Default 1 s, tried five times.
	LockTimeout time.Duration

	fault func(point string) // tests: called where a crash is tried
}

// Retention deletes documents that have expired by their tenant's policy and that nobody
// needs: see sql/deletable.sql for what is needed. By default everything is kept. An
// original goes with all that it said, and each batch leaves a row in the audit log with the
// content hashes.
//
// A batch has the tenant for itself while it decides and deletes: no projection runs, and no
// import takes a document for the twin of one that is about to go (ingest/sql/look_up_meaning.sql).
// Imports that find no twin do not wait.
func Retention(cfg RetentionConfig) Task {
	if cfg.Batch <= 0 {
		cfg.Batch = 500
	}
	if cfg.LockTimeout <= 0 {
		cfg.LockTimeout = time.Second
	}
	if cfg.fault == nil {
		cfg.fault = func(string) {}
	}
	return Task{
		Name: "retention", Does: "delete documents that expired by their tenant's policy and that nobody needs", Every: 6 * time.Hour,
		Run: func(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (Result, error) {
			list, err := allTenants(ctx, pool, false)
			if err != nil {
				return Result{}, err
			}
			return eachTenant(ctx, list, func(t tenants.Tenant) (Result, error) {
				r := retention{RetentionConfig: cfg, pool: pool, tenant: t, dryRun: dryRun}
				return r.run(ctx)
			})
		},
	}
}

// retention is one run for one tenant.
type retention struct {
	RetentionConfig
	pool    *pgxpool.Pool
	tenant  tenants.Tenant
	dryRun  bool
	deleted map[string]int64 // by kind
	kept    int64            // expired, and needed
	bytes   int64
}

func (r *retention) run(ctx context.Context) (Result, error) {
	p := r.tenant.Policy
	if err := r.tenant.Trouble; err != nil {
		return Result{}, fmt.Errorf("%w; nothing of it is deleted until that is put right", err)
	}
	if p.LegalHold {
		if len(p.Keep) == 0 {
			return Result{}, nil
		}
		return Result{What: r.tenant.Name + ": legal hold, nothing is deleted"}, nil
	}
	r.deleted = map[string]int64{}
	c, err := p.Cutoffs(ctx, r.pool)
	if err == nil && len(c.Kinds) > 0 {
		err = r.documents(ctx, c)
	}
	if c.Parked != nil && (err == nil || locked(err)) {
		err = errors.Join(err, r.parked(ctx, *c.Parked))
	}
	if errors.Is(err, errHeld) {
		err = nil // from now on: what was deleted before is told
	}
	return r.result(), err
}

func (r *retention) result() Result {
	out := Result{Bytes: r.bytes}
	var parts []string
	for _, kind := range []string{"sbom", "vex", "vuln", "parked"} {
		if n := r.deleted[kind]; n > 0 {
			out.Rows += n
			parts = append(parts, fmt.Sprintf("%d %s", n, kind))
		}
	}
	if len(parts) == 0 && r.kept == 0 {
		return out
	}
	if len(parts) == 0 {
		parts = []string{"nothing"}
	}
	verb := "deleted"
	if r.dryRun {
		verb = "would delete"
	}
	out.What = fmt.Sprintf("%s: %s %s", r.tenant.Name, verb, strings.Join(parts, ", "))
	if r.kept > 0 {
		out.What += fmt.Sprintf(", %d expired ones are needed", r.kept)
	}
	return out
}

// candidate is a document that may go.
type candidate struct {
	ID   id.ID
	Hash []byte
	Kind string
	Size int64
	SBOM *int64 // ingest.sbom_document.id
}

// documents walks over what has expired, the oldest first. A window without anything to
// delete takes no lock.
func (r *retention) documents(ctx context.Context, c tenants.Cutoffs) error {
	after := time.Time{}.AddDate(1, 0, 0)
	var last id.ID
	for size := r.Batch; ; {
		to, at := last, after
		var window []id.ID
		var free []candidate
		err := pg.Tenant(ctx, r.pool, r.tenant.ID, func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, sqlExpired, r.tenant.ID, after, last, c.Kinds, c.Times, size)
			if err != nil {
				return err
			}
			if _, err := pgx.ForEachRow(rows, []any{&to, &at}, func() error { window = append(window, to); return nil }); err != nil {
				return err
			}
			free, err = deletable(ctx, tx, r.tenant.ID, window, c)
			return err
		})
		if pg.FaultOf(err) == pg.FaultTooSlow && size > 1 {
			size /= 2
			continue
		}
		if err != nil {
			return fmt.Errorf("expired documents: %w", err)
		}
		last, after = to, at
		r.kept += int64(len(window) - len(free))
		if len(free) > 0 {
			if err := r.delete(ctx, free, c); err != nil {
				return err
			}
		}
		if len(window) < size {
			return nil
		}
	}
}

func deletable(ctx context.Context, tx pgx.Tx, t id.ID, ids []id.ID, c tenants.Cutoffs) ([]candidate, error) {
	rows, err := tx.Query(ctx, sqlDeletable, t, ids, c.Kinds, c.Times)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[candidate])
}

// errHeld: a legal hold was put on the tenant, or its policy changed, while retention ran.
var errHeld = errors.New("the tenant's policy changed; the next run goes by the new one")

// delete deletes those of free that are still not needed, in one transaction.
func (r *retention) delete(ctx context.Context, free []candidate, c tenants.Cutoffs) error {
	if r.dryRun {
		r.count(free)
		return nil
	}
	ids := make([]id.ID, len(free))
	for i, d := range free {
		ids[i] = d.ID
	}
	var gone []candidate
	err := r.patiently(ctx, func() error {
		return pg.Tenant(ctx, r.pool, r.tenant.ID, func(tx pgx.Tx) error {
			if err := r.unchanged(ctx, tx); err != nil {
				return err
			}
			if err := r.alone(ctx, tx); err != nil {
				return err
			}
			var err error
			if gone, err = deletable(ctx, tx, r.tenant.ID, ids, c); err != nil || len(gone) == 0 {
				return err
			}
			return r.deleteBatch(ctx, tx, gone, c)
		})
	})
	if pg.FaultOf(err) == pg.FaultTooSlow && len(free) > 1 {
		half := len(free) / 2
		if err := r.delete(ctx, free[:half], c); err != nil {
			return err
		}
		return r.delete(ctx, free[half:], c)
	}
	if err != nil {
		return fmt.Errorf("delete %d documents: %w", len(free), err)
	}
	r.fault("committed")
	r.count(gone)
	r.kept += int64(len(free) - len(gone))
	return nil
}

func (r *retention) count(gone []candidate) {
	for _, d := range gone {
		r.deleted[d.Kind]++
		r.bytes += d.Size
	}
}

// unchanged holds the tenant's settings as they are until the commit: a legal hold that
// somebody sets either comes before this batch or waits for it.
func (r *retention) unchanged(ctx context.Context, tx pgx.Tx) error {
	same, err := r.tenant.Hold(ctx, tx)
	if err == nil && !same {
		err = errHeld
	}
	return err
}

// alone waits until no projection of the tenant runs and no import builds on a stored
// document, and keeps both from it. The projection first: imports wait while we do.
func (r *retention) alone(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, fmt.Sprintf(`set local lock_timeout = %d`, r.LockTimeout.Milliseconds())); err != nil {
		return err
	}
	for _, name := range []string{"sluice.project.", "sluice.retention."} {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1 || $2, 0))`, name, r.tenant.ID.String()); err != nil {
			return fmt.Errorf("wait for imports and projections of the tenant: %w", err)
		}
	}
	return nil
}

// patiently tries again while a lock is not to be had.
func (r *retention) patiently(ctx context.Context, fn func() error) error {
	for try := 1; ; try++ {
		err := fn()
		if err == nil || !locked(err) || try == 5 {
			return err
		}
		select {
		case <-time.After(time.Duration(try) * (50*time.Millisecond + rand.N(200*time.Millisecond))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *retention) deleteBatch(ctx context.Context, tx pgx.Tx, gone []candidate, c tenants.Cutoffs) error {
	var ids []id.ID
	var hashes [][]byte
	var sboms []int64
	var names []string
	for _, d := range gone {
		ids, hashes, names = append(ids, d.ID), append(hashes, d.Hash), append(names, "sha256:"+hex.EncodeToString(d.Hash))
		if d.SBOM != nil {
			sboms = append(sboms, *d.SBOM)
		}
	}
	tag, err := tx.Exec(ctx, sqlDeleteDocuments, r.tenant.ID, ids, hashes, sboms)
	if err != nil {
		return err
	}
	if tag.RowsAffected() != int64(len(gone)) {
		return fmt.Errorf("%d of %d originals were deleted: rolled back", tag.RowsAffected(), len(gone))
	}
	before := map[string]time.Time{}
	for i, kind := range c.Kinds {
		before[kind] = c.Times[i].UTC()
	}
	r.fault("deleted")
	return audit.Note(ctx, tx, r.tenant.ID, audit.Entry{Action: "retention.delete", Entity: "document", Diff: audit.Change(map[string]any{"documents": names, "received_before": before}, nil)})
}

// parked deletes parked documents that nobody tried again since at.
func (r *retention) parked(ctx context.Context, at time.Time) error {
	if r.dryRun {
		var n, bytes int64
		err := pg.Tenant(ctx, r.pool, r.tenant.ID, func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, sqlExpiredParked, r.tenant.ID, at).Scan(&n, &bytes)
		})
		r.deleted["parked"], r.bytes = n, r.bytes+bytes
		return err
	}
	n, err := inBatches(ctx, r.pool, r.tenant.ID, int64(r.Batch), func(tx pgx.Tx, limit int64) (int64, error) {
		if err := r.unchanged(ctx, tx); err != nil {
			return 0, err
		}
		rows, err := tx.Query(ctx, sqlDeleteParked, r.tenant.ID, at, limit)
		if err != nil {
			return 0, err
		}
		var names []string
		var hash []byte
		var size, sum int64
		if _, err := pgx.ForEachRow(rows, []any{&hash, &size}, func() error {
			names, sum = append(names, "sha256:"+hex.EncodeToString(hash)), sum+size
			return nil
		}); err != nil || names == nil {
			return 0, err
		}
		r.bytes += sum
		return int64(len(names)), audit.Note(ctx, tx, r.tenant.ID, audit.Entry{Action: "retention.delete", Entity: "parked", Diff: audit.Change(map[string]any{"documents": names, "parked_before": at.UTC()}, nil)})
	})
	r.deleted["parked"] = n
	if err != nil {
		return fmt.Errorf("parked documents: %w", err)
	}
	return nil
}
