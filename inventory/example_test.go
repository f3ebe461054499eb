package inventory_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/inventory"
)

// An inventory asks for connections by role; a question names its tenant and a filter.
func Example() {
	t := dbtest.NewExample()
	defer t.Close()
	w := newWorld(t) // a database with tenant acme; an SBOM and a vulnerability record are imported
	w.load(id.Shared, fact)
	w.load(w.acme, sbom)
	w.project()

	ctx := context.Background()
	inv, err := inventory.New(inventory.Config{
		Pool: func(_ context.Context, role pg.Role) (*pgxpool.Pool, error) { return w.pools[role], nil },
	})
	if err != nil {
		panic(err)
	}
	print := func(f inventory.FindingFilter) {
		found, err := inv.Findings(ctx, w.acme, f)
		if err != nil {
			panic(err)
		}
		for _, f := range found {
			fmt.Println(f.Vulnerability, f.Score, f.Package, f.Status)
		}
	}
	print(inventory.FindingFilter{})

	// A decision takes effect with the next projection.
	err = inv.Decide(ctx, w.acme, inventory.Decision{Package: "pkg:npm/left@1.0.0", Vuln: "CVE-2026-1", Status: "not_affected", Justification: "vulnerable_code_not_in_execute_path"})
	if err != nil {
		panic(err)
	}
	w.project()
	print(inventory.FindingFilter{Status: "all"})

	// A wrong question says which member is wrong; the command line and HTTP say it in their way.
	_, err = inv.Findings(ctx, w.acme, inventory.FindingFilter{Status: "shut"})
	var wrong *ask.WrongError
	fmt.Println(errors.As(err, &wrong), err)

	// Output:
	// CVE-2026-1 9.8 pkg:npm/left@1.0.0 open
	// CVE-2026-1 9.8 pkg:npm/left@1.0.0 suppressed
	// true status "shut": it is open, suppressed, closed or all
}
