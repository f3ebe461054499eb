package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/ingest/deliver"
	"sluice/internal/pg"
)

// doubt is a transaction whose COMMIT got no answer, and how to find out.
type doubt struct {
	xid      string
	task     *task     // one whose event it wrote
	from, to time.Time // between these
}

// mark notes what settle needs to know of the transaction, and when the server was started.
func mark(ctx context.Context, tx pgx.Tx) (d *doubt, server time.Time, err error) {
	d = &doubt{}
	if err := tx.QueryRow(ctx, sqlCommitMark).Scan(&d.xid, &d.from, &d.to, &server); err != nil {
		return nil, server, fmt.Errorf("number of the transaction: %w", err)
	}
	return d, server, nil
}

// settle finds out whether the transaction of d was committed. Guessing would report
// documents as duplicates that this very run stored, and count attempts and events twice.
//
// The server's word on the transaction's number is not enough: numbers that had not
// reached the disk are given out again after a crash. So there must be a row too that
// this transaction wrote.
func (p *Pipeline) settle(ctx context.Context, d *doubt) (committed bool, err error) {
	var status string
	t := d.task
	err = pg.Tenant(ctx, p.pool, t.env.Tenant, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, sqlCommitted, d.xid, t.env.Tenant, t.env.ScanRun, d.from, d.to, t.eventID()).Scan(&status, &committed)
	})
	var pe *pgconn.PgError
	switch {
	case errors.As(err, &pe) && pe.Code == "22023": // the number was not given out yet: it was lost in a crash
		return false, nil
	case err != nil:
		return false, fmt.Errorf("was transaction %s committed: %w", d.xid, err)
	case status == "in progress":
		return false, deliver.ErrInDoubt
	}
	return committed, nil
}
