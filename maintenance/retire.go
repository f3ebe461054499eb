package maintenance

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/tenants"
)

// Retire retires the artifacts that nobody has seen for as long as their tenant's policy says. retire
// does it for one tenant, with the time before which they were seen last, and is given by who knows
// artifacts; it returns how many there are. It deletes nothing, so a legal hold does not stop it.
func Retire(retire func(ctx context.Context, tenant id.ID, cutoff time.Time, dryRun bool) (int, error)) Task {
	return Task{
		Name: "retire", Does: "retire artifacts that nobody has seen for as long as their tenant's policy says", Every: 6 * time.Hour,
		Run: func(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (Result, error) {
			list, err := allTenants(ctx, pool, false)
			if err != nil {
				return Result{}, err
			}
			return eachTenant(ctx, list, func(t tenants.Tenant) (Result, error) {
				if t.Trouble != nil {
					return Result{}, fmt.Errorf("%w; none of its artifacts is retired until that is put right", t.Trouble)
				}
				cutoff, err := t.UnseenSince(ctx, pool)
				if err != nil || cutoff == nil {
					return Result{}, err
				}
				n, err := retire(ctx, t.ID, *cutoff, dryRun)
				if n == 0 {
					return Result{}, err
				}
				verb := "retired"
				if dryRun {
					verb = "would retire"
				}
				return Result{Rows: int64(n), What: fmt.Sprintf("%s: %s %d artifacts unseen since %s", t.Name, verb, n, cutoff.UTC().Format(time.DateOnly))}, err
			})
		},
	}
}
