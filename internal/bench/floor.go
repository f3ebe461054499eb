package bench

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"sluice/internal/id"
	"sluice/normalize/detect"
)

// floor is the bare COPY that imports are compared with: the specification's table, its
// columns and indexes as written (section 4), no row security, nothing else.
type floor struct {
	pool    *pgxpool.Pool
	workers int
}

func newFloor(ctx context.Context, url string, workers int) (*floor, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = int32(workers) + 1
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	err = pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		_, err := c.Conn().PgConn().Exec(ctx, sqlFloor).ReadAll()
		return err
	})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("make schema sluice_bench (the user needs to own the database): %w", err)
	}
	return &floor{pool: pool, workers: workers}, nil
}

func (f *floor) drop(ctx context.Context) {
	_, _ = f.pool.Exec(ctx, sqlDropFloor)
	f.pool.Close()
}

// run copies the load, in batches as large as an import's and with as many connections.
func (f *floor) run(ctx context.Context, l load, tenant id.ID) (documents, bytes int64, err error) {
	const batchBytes = 4 << 20
	batches := make(chan [][]any, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(batches)
		var rows [][]any
		size := 0
		send := func() error {
			if len(rows) == 0 {
				return nil
			}
			select {
			case batches <- rows:
				rows, size = nil, 0
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		err := filepath.WalkDir(l.dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			doc, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			doc = detect.Strip(doc)
			hash := sha256.Sum256(doc)
			rows = append(rows, []any{tenant, "pkg:generic/" + d.Name(), hash[:], string(doc)})
			size += len(doc)
			documents, bytes = documents+1, bytes+int64(len(doc))
			if size >= batchBytes {
				return send()
			}
			return nil
		})
		if err != nil {
			return err
		}
		return send()
	})
	for range f.workers {
		g.Go(func() error {
			for rows := range batches {
				_, err := f.pool.CopyFrom(ctx, pgx.Identifier{"sluice_bench", "sbom_document"}, []string{"tenant_id", "artifact_purl", "content_hash", "doc"}, pgx.CopyFromRows(rows))
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = g.Wait()
	return documents, bytes, err
}
