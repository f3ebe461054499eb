package pg

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Fault says whose fault an error is, and with that what has to be done. Everybody who
// works with the database asks FaultOf and nothing else: importer, consumers, projections,
// relay and maintenance may not disagree about an error.
type Fault string

// The faults. docs/guarantees.md has the table, and TestFaultTable compares it with the code.
const (
	// NoFault is that of a nil error.
	NoFault Fault = ""
	// FaultOutage: the database or the way to it. The same work is tried again, for ever.
	FaultOutage Fault = "outage"
	// FaultInput: what was to be written. The batch is cut until the one at fault is alone, and
	// that one is set aside. An error that is no database's counts as this: a value that pgx
	// cannot send, a payload that cannot be read.
	FaultInput Fault = "bad input"
	// FaultDefect: rights, a missing table, a wrong password, a bug of ours. Trying again does not
	// help and nothing that waits is at fault: stop, say what is wrong, use up no attempt.
	FaultDefect Fault = "defect"
	// FaultTooSlow: the work outlasted a time-out of the server. It may be the moment and it may be
	// the work: a bounded number of tries, then as with FaultInput.
	FaultTooSlow Fault = "too slow"
	// FaultInternal: the server itself did not expect this, or ran into a limit of its
	// configuration. A file that vanished in a crash mends, a value too large to allocate
	// does not: as with FaultTooSlow.
	FaultInternal Fault = "internal"
	// FaultStopped: the caller's context was cancelled.
	FaultStopped Fault = "stopped"
)

// Bounded reports whether the same work is worth a few more tries, but not for ever.
func (f Fault) Bounded() bool { return f == FaultTooSlow || f == FaultInternal }

// errSetUp marks errors of a new connection before anybody's work ran on it.
var errSetUp = errors.New("set up the connection")

// FaultRow is one line of the table of faults.
type FaultRow struct {
	States []string // SQLSTATEs, or their first two characters for a whole class
	What   string
	Fault  Fault
}

// Faults is how SQLSTATEs are told apart. The first row that has a state counts, so single
// states stand before their class; whatever stands in no row is a defect.
var Faults = []FaultRow{
	{[]string{"57014"}, "the statement outlasted `statement_timeout`", FaultTooSlow},
	{[]string{"25P04"}, "the transaction outlasted `transaction_timeout`; the session ends", FaultTooSlow},
	{[]string{"25P03"}, "the transaction waited for us longer than `idle_in_transaction_session_timeout`; the session ends", FaultTooSlow},
	{[]string{"XX000"}, "internal error: a file that vanished in a crash, a value too large to allocate", FaultInternal},
	{[]string{"53400"}, "a limit of the server's configuration: `temp_file_limit`", FaultInternal},
	{[]string{"55P03"}, "a lock was not to be had in time: somebody else has it", FaultOutage},
	{[]string{"25006"}, "read-only: a standby, or a fail-over under way", FaultOutage},
	{[]string{"08"}, "connection lost or refused", FaultOutage},
	{[]string{"40"}, "deadlock, serialization failure, conflict with recovery", FaultOutage},
	{[]string{"53"}, "disk full, out of memory, too many connections", FaultOutage},
	{[]string{"57"}, "shutdown, crash, start-up", FaultOutage},
	{[]string{"58"}, "I/O error", FaultOutage},
	{[]string{"0A", "21", "22", "23", "44", "54", "P0"}, "a value or a row that PostgreSQL refuses: data, constraint, program limit, a trigger's exception", FaultInput},
	{[]string{"42501"}, "a right is missing", FaultDefect},
	{[]string{"42P01", "42703", "42883", "3F000"}, "a table, column, function or schema is missing", FaultDefect},
	{[]string{"42", "26"}, "any other statement that does not fit the schema", FaultDefect},
	{[]string{"28", "3D"}, "wrong password, unknown user, no such database", FaultDefect},
	{[]string{"XX"}, "damaged data or index", FaultDefect},
}

// FaultOf tells faults apart, by SQLSTATE wherever there is one.
func FaultOf(err error) Fault {
	if err == nil {
		return NoFault
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		f := faultOfState(pe)
		if f == FaultInput && errors.Is(err, errSetUp) {
			return FaultDefect // a role that there is not is an invalid value (22023); nobody's input was looked at yet
		}
		return f
	}
	if errors.Is(err, context.Canceled) {
		return FaultStopped
	}
	var password *passwordError
	if errors.As(err, &password) {
		return FaultOutage
	}
	if _, says := advised(err); says || refused(err) {
		return FaultDefect
	}
	var ne net.Error // context.DeadlineExceeded too: a server that does not answer in time
	var ce *pgconn.ConnectError
	if errors.As(err, &ne) || errors.As(err, &ce) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "conn closed") {
		return FaultOutage
	}
	return FaultInput
}

func faultOfState(pe *pgconn.PgError) Fault {
	switch {
	case refusedByPooler(pe):
		return FaultDefect
	case lacksPartition(pe):
		return FaultOutage // no partition for this moment: the tables lack one, the row is right
	case pe.Code == "57014" && strings.Contains(pe.Message, "user request"):
		// pg_cancel_backend has the SQLSTATE of statement_timeout, and every other field too
		// but the text. Where the server speaks another language a person's cancel counts as
		// too slow, which ends as well.
		return FaultOutage
	}
	for _, row := range Faults {
		if slices.ContainsFunc(row.States, func(s string) bool { return strings.HasPrefix(pe.Code, s) }) {
			return row.Fault
		}
	}
	return FaultDefect
}

// Outage reports whether err says something about the database or the way to it rather
// than about the work: the same work may succeed later and is tried again.
func Outage(err error) bool { return FaultOf(err) == FaultOutage }

// LacksPartition reports whether a row was refused because no partition is there for its moment.
func LacksPartition(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && lacksPartition(pe)
}

func lacksPartition(pe *pgconn.PgError) bool { return pe.Code == "23514" && pe.ConstraintName == "" }
