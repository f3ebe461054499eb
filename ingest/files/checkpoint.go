package files

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
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

// maxPath is how long a path may be to stand for itself, within what an index row can hold.
const maxPath = 1000

// checkpointPath is path as text that PostgreSQL can hold, different for different paths:
// file names may have any bytes.
func checkpointPath(path string) string {
	if !utf8.ValidString(path) || strings.HasPrefix(path, `"`) {
		path = strconv.Quote(path)
	}
	if len(path) > maxPath {
		path = fmt.Sprintf("%s… %x", strings.ToValidUTF8(path[:maxPath], ""), sha256.Sum256([]byte(path)))
	}
	return path
}

func writeCheckpoints(ctx context.Context, tx pgx.Tx, tenant id.ID, scanRun int64, rows []checkpoint) error {
	if len(rows) == 0 {
		return nil
	}
	// One statement cannot write a row twice, and a file may be named twice. Of two runs
	// that begin at the same entry the longer one covers the other.
	slices.SortStableFunc(rows, func(a, b checkpoint) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.First, b.First), cmp.Compare(b.Last, a.Last))
	})
	rows = slices.CompactFunc(rows, func(a, b checkpoint) bool { return a.Path == b.Path && a.First == b.First })
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
	_, err := tx.Exec(ctx, sqlPutCheckpoints,
		tenant, scanRun, paths, first, last, complete, size, mtime)
	if err != nil {
		return fmt.Errorf("checkpoint of %d files: %w", n, err)
	}
	return nil
}

// LoadCheckpoints returns what the attempts of a scan run have stored so far.
func LoadCheckpoints(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, scanRun int64) (Checkpoints, error) {
	out := Checkpoints{}
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlLoadCheckpoints, tenant, scanRun)
		if err != nil {
			return err
		}
		var c checkpoint
		var mtime *time.Time
		_, err = pgx.ForEachRow(rows, []any{&c.Path, &c.First, &c.Last, &c.Complete, &c.Size, &mtime}, func() error {
			c.ModTime = time.Time{}
			if mtime != nil {
				c.ModTime = *mtime
			}
			out[c.Path] = append(out[c.Path], c)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("checkpoints of scan run %d: %w", scanRun, err)
	}
	return out, nil
}
