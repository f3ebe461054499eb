package pg

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// DefectError is a defect with what somebody can do about it.
type DefectError struct {
	Role Role // who was refused; "" where nobody knows
	Err  error
}

func (e *DefectError) Error() string { return fmt.Sprintf("%v\n%s", e.Err, e.Advice()) }

func (e *DefectError) Unwrap() error { return e.Err }

// Tell returns err; a defect comes with the role and what to do. It is for those who end
// because of it.
func Tell(role Role, err error) error {
	var told *DefectError
	if own, says := advised(err); says {
		return own
	}
	if FaultOf(err) != FaultDefect || errors.As(err, &told) {
		return unreached(err)
	}
	return &DefectError{role, err}
}

// advised returns the part of err that says itself what to do, alone: how we came to connect adds
// nothing to it.
func advised(err error) (error, bool) {
	var malformed *URLError
	var old *TooOldError
	var shared *TransactionPoolingError
	switch {
	case errors.As(err, &malformed):
		return err, true
	case errors.As(err, &old):
		return old, true
	case errors.As(err, &shared):
		return shared, true
	}
	return nil, false
}

// Advice says what is wrong and what to do about it, in a sentence or two.
func (e *DefectError) Advice() string {
	const same = "Nothing was parked and no job lost an attempt; what waits goes on once this is mended."
	role := "the role"
	if e.Role != "" {
		role = "the role " + string(e.Role)
	}
	if advice := loginAdvice(e.Err); advice != "" {
		return advice + ". " + same
	}
	var pe *pgconn.PgError
	if !errors.As(e.Err, &pe) {
		return "this cannot go on. " + same
	}
	if refusedByPooler(pe) {
		return "a pooler in front of the server does not let this connection in: look at the database, the user and the password of --database-url, and at [databases], auth_file and auth_type in pgbouncer.ini (docs/pools.md). " + same
	}
	switch pe.Code {
	case "42501":
		return fmt.Sprintf("%s lacks a right that the migrations gave it and somebody took: grant it again as the owner of the schema; docs/tables.md lists who may do what. %s", role, same)
	case "42P01", "42703", "42883", "3F000":
		return "the schema is not the one that this program was made for: `sluice migrate verify` says what differs, `sluice migrate up` brings it up to date. " + same
	case "28P01", "28000":
		if strings.Contains(pe.Message, "no encryption") {
			return "the server lets nobody in without TLS: write sslmode=verify-full, or require, in --database-url. " + same
		}
		return "the server does not let this user in: look at --database-url (SLUICE_DATABASE_URL), at --database-password-file or -command where one is given, and at pg_hba.conf. " + same
	case "3D000":
		return "there is no such database: look at the name in --database-url (SLUICE_DATABASE_URL), or make it, as a superuser: create database NAME owner USER. " + same
	case "22023":
		return fmt.Sprintf("%s cannot be taken: `sluice migrate up` makes the roles and grants them to the user of --database-url. %s", role, same)
	case "XX001", "XX002":
		return "the database is damaged: restore it from a backup, or rebuild the index that it names. " + same
	}
	return "this is a fault of the schema or of the program: `sluice migrate verify` says whether the schema is as it should be; if it is, please report this. " + same
}
