package files

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Checkpoints are the entries of each file that a scan run has stored, by path.
type Checkpoints map[string]covered

// covered are the checkpoints of one file, by first entry.
type covered []checkpoint

type checkpoint struct {
	Path        string
	First, Last int
	Complete    bool // Last is the last entry of the file
	Size        int64
	ModTime     time.Time
}

// of returns the checkpoints if they are about this state of the file, else none: a
// file that changed since is read from the start.
func (c covered) of(size int64, mtime time.Time) covered {
	for _, p := range c {
		// PostgreSQL keeps microseconds.
		if p.Size != size || !p.ModTime.Equal(mtime.Truncate(time.Microsecond)) {
			return nil
		}
	}
	return c
}

func (c covered) has(entry int) bool {
	for _, p := range c {
		if p.First <= entry && entry <= p.Last {
			return true
		}
	}
	return false
}

// complete reports whether the checkpoints cover the file from its first entry to its last.
func (c covered) complete() bool {
	next := 0
	for _, p := range c {
		if p.First > next {
			return false
		}
		if p.Complete {
			return true
		}
		next = max(next, p.Last+1)
	}
	return false
}

func (c covered) count() int {
	n := 0
	for _, p := range c {
		n += p.Last - p.First + 1
	}
	return n
}

func writeCheckpoints(ctx context.Context, tx pgx.Tx, tenant id.ID, scanRun int64, rows []checkpoint) error {
	if len(rows) == 0 {
		return nil
	}
	n := len(rows)
	paths, first, last, complete := make([]string, n), make([]int32, n), make([]int32, n), make([]bool, n)
	size, mtime := make([]int64, n), make([]*time.Time, n)
	for i, r := range rows {
		paths[i], first[i], last[i], complete[i], size[i] = r.Path, int32(r.First), int32(r.Last), r.Complete, r.Size
		if !r.ModTime.IsZero() {
			at := r.ModTime.Truncate(time.Microsecond)
			mtime[i] = &at
		}
	}
	_, err := tx.Exec(ctx, `
		insert into ingest.file_checkpoint (tenant_id, scan_run_id, path, first_entry, last_entry, complete, size, modified_at)
		select $1, $2, * from unnest($3::text[], $4::int[], $5::int[], $6::bool[], $7::bigint[], $8::timestamptz[])
		on conflict (tenant_id, scan_run_id, path, first_entry) do update set
			last_entry = excluded.last_entry, complete = excluded.complete, size = excluded.size, modified_at = excluded.modified_at`,
		tenant, scanRun, paths, first, last, complete, size, mtime)
	if err != nil {
		return fmt.Errorf("checkpoint of %d files: %w", n, err)
	}
	return nil
}
