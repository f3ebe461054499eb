package pg_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

// without are the errors that no SQLSTATE tells apart, as the table of docs/guarantees.md has them.
var without = []struct {
	what  string
	fault pg.Fault
	errs  []error
}{
	{"`23514` without the name of a constraint", pg.FaultOutage, []error{&pgconn.PgError{Code: "23514"}}},
	{"`57014` on user request", pg.FaultOutage, []error{&pgconn.PgError{Code: "57014", Message: "canceling statement due to user request"}}},
	{"`08P01` of a pooler that will say the same at every try", pg.FaultDefect, []error{&pgconn.PgError{Code: "08P01", Message: "unsupported startup parameter: search_path"}, &pgconn.PgError{Code: "08P01", Message: "no such user: nobody"}}},
	{"a server that is too old, a pooler that shares sessions out", pg.FaultDefect, []error{&pg.TooOldError{Version: "15.4"}, &pg.TransactionPoolingError{}}},
	{"`22…` while a connection is set up", pg.FaultDefect, nil}, // TestDefectOfTheConnection
	{"the connection breaks, nobody answers in time", pg.FaultOutage, []error{
		fmt.Errorf("read: %w", io.ErrUnexpectedEOF), fmt.Errorf("read: %w", net.ErrClosed), io.EOF, errors.New("conn closed"),
		&net.OpError{Op: "dial", Err: errors.New("connection refused")}, fmt.Errorf("query: %w", context.DeadlineExceeded),
	}},
	{"any other error: a value that cannot be sent, a payload that cannot be read", pg.FaultInput, []error{errors.New("something else"), pgx.ErrNoRows}},
	{"our own stop", pg.FaultStopped, []error{context.Canceled, fmt.Errorf("query: %w", context.Canceled)}},
}

func state(code string) error {
	return fmt.Errorf("step: %w", &pgconn.PgError{Code: code, ConstraintName: "status_check"})
}

// TestFaultOf: each row of the table, by its states or by a member of its classes; and what no
// row names.
func TestFaultOf(t *testing.T) {
	t.Parallel()
	for _, row := range pg.Faults {
		for _, s := range row.States {
			code := s
			if len(s) == 2 {
				code += "0X1" // whatever a server may come to send
			}
			if got := pg.FaultOf(state(code)); got != row.Fault {
				t.Errorf("%s is %q, want %q", code, got, row.Fault)
			}
		}
	}
	for code, want := range map[string]pg.Fault{
		"08006": pg.FaultOutage, "40001": pg.FaultOutage, "40P01": pg.FaultOutage, "53100": pg.FaultOutage, "53300": pg.FaultOutage,
		"57P01": pg.FaultOutage, "57P03": pg.FaultOutage, "58030": pg.FaultOutage, "55P03": pg.FaultOutage, "25006": pg.FaultOutage,
		"57014": pg.FaultTooSlow, "25P03": pg.FaultTooSlow, "25P04": pg.FaultTooSlow, "XX000": pg.FaultInternal, "53400": pg.FaultInternal,
		"22P02": pg.FaultInput, "22P05": pg.FaultInput, "23505": pg.FaultInput, "23514": pg.FaultInput, "54000": pg.FaultInput, "P0001": pg.FaultInput,
		"42501": pg.FaultDefect, "42P01": pg.FaultDefect, "42703": pg.FaultDefect, "42601": pg.FaultDefect, "28P01": pg.FaultDefect, "28000": pg.FaultDefect,
		"3D000": pg.FaultDefect, "3F000": pg.FaultDefect, "XX001": pg.FaultDefect, "25P02": pg.FaultDefect, "": pg.FaultDefect, "99999": pg.FaultDefect,
	} {
		if got := pg.FaultOf(state(code)); got != want {
			t.Errorf("%q is %q, want %q", code, got, want)
		}
	}
	for _, row := range without {
		for _, err := range row.errs {
			if got := pg.FaultOf(err); got != row.fault {
				t.Errorf("%v is %q, want %q", err, got, row.fault)
			}
			if pg.Outage(err) != (row.fault == pg.FaultOutage) {
				t.Errorf("%v: outage %v", err, pg.Outage(err))
			}
		}
	}
	if pg.FaultOf(nil) != pg.NoFault || pg.Outage(nil) {
		t.Error("no error is a fault")
	}
	for f, want := range map[pg.Fault]bool{pg.FaultTooSlow: true, pg.FaultInternal: true, pg.FaultOutage: false, pg.FaultInput: false, pg.FaultDefect: false} {
		if f.Bounded() != want {
			t.Errorf("%s: bounded %v", f, f.Bounded())
		}
	}
}

// TestFaultTable: docs/guarantees.md has the table of the code, row by row.
func TestFaultTable(t *testing.T) {
	t.Parallel()
	var want []string
	for _, row := range pg.Faults {
		states := make([]string, len(row.States))
		for i, s := range row.States {
			if len(s) == 2 {
				s += "…"
			}
			states[i] = "`" + s + "`"
		}
		want = append(want, fmt.Sprintf("| %s | %s | %s |", strings.Join(states, ", "), row.What, row.Fault))
	}
	for _, row := range without {
		want = append(want, fmt.Sprintf("| %s | | %s |", row.what, row.fault))
	}
	want = append(want, fmt.Sprintf("| any other SQLSTATE | | %s |", pg.FaultDefect))
	b, err := os.ReadFile("../../docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(b), "| SQLSTATE or error | what it is | class |\n|---|---|---|\n")
	if !ok {
		t.Fatal("docs/guarantees.md has no table of faults")
	}
	text, _, _ = strings.Cut(text, "\n\n")
	if got := strings.Split(strings.TrimSpace(text), "\n"); !slices.Equal(got, want) {
		t.Errorf("docs/guarantees.md says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestTimeouts: the server's own answers to what takes too long, and to what a person cancels.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pool := db.Pool(t, pg.Ingest, pg.Config{MaxConns: 1, StatementTimeout: 50 * time.Millisecond})
	if _, err := pool.Exec(t.Context(), `select pg_sleep(10)`); pg.FaultOf(err) != pg.FaultTooSlow {
		t.Errorf("statement_timeout: %v is %q", err, pg.FaultOf(err))
	}
	slow := db.Pool(t, pg.Ingest, pg.Config{MaxConns: 1})
	conn, err := slow.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	pid := conn.Conn().PgConn().PID()
	failed := make(chan error)
	go func() {
		_, err := conn.Exec(t.Context(), `select pg_sleep(30)`)
		failed <- err
	}()
	admin := db.Admin(t)
	for cancelled := false; !cancelled; time.Sleep(10 * time.Millisecond) {
		if err := admin.QueryRow(t.Context(), `select coalesce((select pg_cancel_backend(pid) from pg_stat_activity where pid = $1 and query like '%pg_sleep%' and state = 'active'), false)`, pid).Scan(&cancelled); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-failed; pg.FaultOf(err) != pg.FaultOutage {
		t.Errorf("a person's cancel: %v is %q", err, pg.FaultOf(err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := slow.Exec(ctx, `select pg_sleep(30)`); pg.FaultOf(err) != pg.FaultStopped {
		t.Errorf("our own stop: %v is %q", err, pg.FaultOf(err))
	}
}

// TestDefectOfTheConnection: what a connection cannot be set up with is nobody's input, and
// whoever ends for it says what to do.
func TestDefectOfTheConnection(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	_, err := pg.Open(t.Context(), db.URL, "sluice_nobody", pg.Config{})
	if pg.FaultOf(err) != pg.FaultDefect {
		t.Errorf("a role that there is not: %v is %q", err, pg.FaultOf(err))
	}
	if told := pg.Tell("sluice_nobody", err); !strings.Contains(told.Error(), "the role sluice_nobody cannot be taken: `sluice migrate up`") {
		t.Errorf("told %v", told)
	}
	pool := db.Pool(t, pg.Reader)
	if pg.RoleOf(pool) != pg.Reader {
		t.Errorf("the role of the pool is %q", pg.RoleOf(pool))
	}
	_, err = pool.Exec(t.Context(), `insert into authority.tenant (name) values ('x')`)
	told := pg.Tell(pg.RoleOf(pool), fmt.Errorf("make tenant: %w", err))
	for _, want := range []string{"make tenant: ", "permission denied for table tenant", "the role sluice_reader lacks a right"} {
		if !strings.Contains(told.Error(), want) {
			t.Errorf("%v does not say %q", told, want)
		}
	}
	if again := pg.Tell("sluice_relay", told); again != told {
		t.Errorf("told twice: %v", again)
	}
	if pg.FaultOf(told) != pg.FaultDefect {
		t.Errorf("%v is %q", told, pg.FaultOf(told))
	}
	if _, err := pool.Exec(t.Context(), `select * from nowhere`); !strings.Contains(pg.Tell(pg.Reader, err).Error(), "sluice migrate verify") {
		t.Errorf("a missing table: %v", pg.Tell(pg.Reader, err))
	}
	outage := &pgconn.PgError{Code: "57P01"}
	if pg.Tell(pg.Reader, outage) != error(outage) || pg.Tell(pg.Reader, nil) != nil {
		t.Error("what is no defect is told like one")
	}
}
