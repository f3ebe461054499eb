package ingest

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/internal/pg"
)

// fault is whose fault an error of the database is.
type fault int

const (
	// outage: the database or the way to it. The same work is tried again, for ever.
	outage fault = iota
	// refusal: what was to be written. The batch is cut until the document is found.
	refusal
	// defect: neither. Missing rights, a missing table, a bug of ours: documents must
	// not be parked for it, and trying again does not help. The run ends.
	defect
)

var (
	// errInDoubt: the answer to a COMMIT was lost and the transaction is still running.
	errInDoubt = errors.New("whether the last transaction was committed is not known yet")
	// errBegin: nothing was tried yet.
	errBegin = errors.New("begin transaction")
)

func faultOf(err error) fault {
	if pg.Outage(err) || errors.Is(err, errInDoubt) {
		return outage
	}
	if errors.Is(err, ErrFenced) || errors.Is(err, errBegin) || errors.Is(err, context.Canceled) {
		return defect
	}
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		// pgx found no way to write a value. Cutting the batch finds the document or, if
		// that is not it, ends with this error too.
		return refusal
	}
	switch pe.Code[:min(2, len(pe.Code))] {
	case "0A", // feature not supported
		"21", // cardinality violation
		"22", // data exception
		"23", // integrity constraint
		"44", // check option of a view
		"54", // program limit: an index row, a jsonb array
		"P0": // raised by somebody's trigger
		return refusal
	}
	return defect
}

// isInternal reports whether the server itself did not expect err. A file that vanished in
// a crash is such an error, which mends; so is a value too large to allocate, which does not.
func isInternal(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && pe.Code == "XX000"
}

// insist calls fn until it succeeds or fails with something other than an outage.
// Once ctx has ended it makes no new attempt after a failed one.
func (p *Pipeline) insist(ctx context.Context, fn func() error) error {
	pause := p.cfg.RetryFirst
	for attempt := 1; ; attempt++ {
		err := fn()
		if err == nil || faultOf(err) != outage || ctx.Err() != nil {
			return err
		}
		p.cfg.Logger.Warn("database outage: the batch is kept and tried again", "attempt", attempt, "pause", pause, "error", err)
		if p.cfg.OnOutage != nil {
			p.cfg.OnOutage(err)
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return err
		}
		pause = min(2*pause, p.cfg.RetryMax)
	}
}
