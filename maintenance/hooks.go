package maintenance

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Partitions has the partition manager make its pass; pass is given by who knows it.
func Partitions(pass func(ctx context.Context, dryRun bool) (Result, error)) Task {
	return Task{
		Name: "partitions", Does: "make partitions ahead, retire old ones", Every: time.Hour, AtStart: true,
		Run: func(ctx context.Context, _ *pgxpool.Pool, dryRun bool) (Result, error) { return pass(ctx, dryRun) },
	}
}

// viewsAge is how long a mark of stale views waits before nobody is believed to take it up:
// a projector takes seconds.
const viewsAge = time.Minute

// Views refreshes the materialized views where findings changed and no projector runs that
// does it. refresh reports whether it did.
func Views(refresh func(ctx context.Context) (bool, error)) Task {
	return Task{
		Name: "views", Does: "refresh stale materialized views, where no projector runs that does it", Every: 5 * time.Minute,
		Run: func(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (r Result, err error) {
			var marks int64
			if err := pool.QueryRow(ctx, sqlStaleViews, viewsAge).Scan(&marks); err != nil {
				return r, fmt.Errorf("stale views: %w", err)
			}
			if marks == 0 {
				return r, nil
			}
			r.What = "views are stale"
			if dryRun {
				return r, nil
			}
			did, err := refresh(ctx)
			if err != nil {
				return r, err
			}
			if did {
				r.What = "views refreshed"
			}
			return r, nil
		},
	}
}
