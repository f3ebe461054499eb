package pg

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// UnreachableError: nobody answered where the database should be. It is an outage like others; whoever
// does not wait for its end tells what to look at.
type UnreachableError struct{ Err error }

func (e *UnreachableError) Error() string { return e.Err.Error() }

func (e *UnreachableError) Unwrap() error { return e.Err }

// unreached wraps err where no server answered.
func unreached(err error) error {
	var pe *pgconn.PgError
	if errors.As(err, &pe) || Unanswered(err) == "" {
		return err
	}
	return &UnreachableError{err}
}

// Unanswered says what it may mean that a connection to a server was not to be had, in the words of
// somebody who is to mend it; "" where err is about something else. It is true of every server.
func Unanswered(err error) string {
	var host *net.DNSError
	var wait net.Error
	switch {
	case errors.As(err, &host) && host.IsNotFound:
		return "there is no host of that name: look at how it is written, and at DNS"
	case errors.As(err, &host):
		return "the name of the host cannot be looked up now: look at DNS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: see that the server runs, and on that address and port"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to that address: look at the network, and at the address"
	case errors.Is(err, fs.ErrNotExist) && isDial(err):
		return "there is no such socket: see that the server runs, and where it puts its socket"
	case errors.Is(err, fs.ErrPermission) && isDial(err):
		return "this user may not open that socket"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &wait) && wait.Timeout():
		return "no answer in time: look at the address, at the server, and at firewalls between"
	case errors.Is(err, syscall.ECONNRESET):
		return "the connection was broken off: see that it is the right server, and whether it wants TLS"
	}
	return ""
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
