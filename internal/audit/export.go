package audit

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Export writes the entries of a tenant from number first to last (0: to the newest), a line each, and
// an anchor of the last one at the end. It refuses a chain that does not fit: what is exported verifies.
// A chain that was cut off begins behind the cut.
func Export(ctx context.Context, db beginner, tenant id.ID, name string, first, last int64, w io.Writer) (a Anchor, entries int64, err error) {
	err = read(ctx, db, tenant, func(tx pgx.Tx) error {
		a, entries, err = export(ctx, tx, tenant, name, first, last, w)
		return err
	})
	if err != nil {
		return a, entries, fmt.Errorf("export the audit log: %w", err)
	}
	return a, entries, nil
}

func export(ctx context.Context, tx pgx.Tx, tenant id.ID, name string, first, last int64, w io.Writer) (Anchor, int64, error) {
	_, cut, err := headOf(ctx, tx, tenant)
	if err != nil {
		return Anchor{}, 0, err
	}
	if last == 0 {
		last = math.MaxInt64
	}
	out := bufio.NewWriterSize(w, 1<<16)
	var r Report
	check := &walk{prev: cut, report: &r}
	if first > cut.seq+1 { // what stands before is taken as it is
		check.prev.seq = first - 1
	}
	start := check.prev.seq
	err = eachLine(ctx, tx, tenant, first, last, func(e entry) error {
		if first > cut.seq+1 && e.seq == first {
			check.prev.hash = e.prev
		}
		if err := check.next(e); err != nil {
			return err
		}
		_, _ = out.WriteString(*e.line)
		return out.WriteByte('\n')
	})
	now := time.Now().UTC().Truncate(time.Microsecond)
	a := Anchor{TenantID: tenant, Tenant: name, Seq: r.Last, Hash: r.Hash, At: &now}
	if err != nil || r.Last == start || r.Entries == 0 {
		return a, 0, err
	}
	text, err := json.Marshal(a)
	if err == nil {
		_, err = out.Write(append(text, '\n'))
	}
	if err == nil {
		err = out.Flush()
	}
	return a, r.Entries, err
}
