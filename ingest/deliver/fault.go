package deliver

import (
	"errors"

	"sluice/internal/pg"
)

// Errors of delivery itself.
var (
	// ErrInDoubt: the answer to a COMMIT was lost and the transaction is still running. Wait.
	ErrInDoubt = errors.New("whether the last transaction was committed is not known yet")
	// ErrBegin: nothing was tried yet, so whatever it is, no item is at fault.
	ErrBegin = errors.New("begin transaction")
	// ErrFenced: somebody else owns the source now.
	ErrFenced = errors.New("another owner has taken this position over")
)

// FaultOf is pg.FaultOf for an attempt to deliver.
func FaultOf(err error) pg.Fault {
	fault := pg.FaultOf(err)
	switch {
	case errors.Is(err, ErrInDoubt):
		return pg.FaultOutage
	case errors.Is(err, ErrFenced), errors.Is(err, ErrBegin) && fault == pg.FaultInput:
		return pg.FaultDefect
	}
	return fault
}
