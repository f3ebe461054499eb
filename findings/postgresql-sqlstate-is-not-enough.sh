#!/bin/sh
# PostgreSQL 18.6: twice one SQLSTATE means two things that ask for the opposite.
#
# 57014, query_canceled: the statement outlasted statement_timeout (do less at once), or a
# person called pg_cancel_backend (do nothing else). Every field of the error is the same but
# the text, which lc_messages translates, and the line of the source, which a release moves.
#
# 23514, check_violation: a row breaks a CHECK constraint (the row is wrong), or a partitioned
# table lacks the partition for a row that is right. Only the name of the constraint, which is
# empty in the second case, tells; class 23 reads as "refuse the row" in most libraries.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	embedded "github.com/fergusstrange/embedded-postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func main() {
	if os.Getuid() == 0 { // PostgreSQL does not run as root
		cmd := exec.Command("/proc/self/exe")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Env = append(os.Environ(), "HOME="+os.Getenv("WORK"))
		cmd.Dir, cmd.Stdout, cmd.Stderr = os.Getenv("WORK"), os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			os.Exit(1)
		}
		return
	}
	work := os.Getenv("WORK")
	const port = 25463
	server := embedded.NewDatabase(embedded.DefaultConfig().Version("18.6.0").Port(port).Logger(nil).
		RuntimePath(filepath.Join(work, "run")).CachePath(filepath.Join(work, "cache")))
	must(server.Start())
	defer server.Stop()
	ctx := context.Background()
	connect := func() *pgx.Conn {
		c, err := pgx.Connect(ctx, fmt.Sprintf("postgres://postgres:postgres@127.0.0.1:%d/postgres", port))
		must(err)
		return c
	}
	a, b := connect(), connect()

	_, err := a.Exec(ctx, `set statement_timeout = '100ms'`)
	must(err)
	_, timeout := a.Exec(ctx, `select pg_sleep(30)`)
	_, err = a.Exec(ctx, `set statement_timeout = 0`)
	must(err)
	go func() {
		time.Sleep(time.Second)
		_, _ = b.Exec(ctx, `select pg_cancel_backend($1)`, a.PgConn().PID())
	}()
	_, cancel := a.Exec(ctx, `select pg_sleep(30)`)
	show("statement_timeout", timeout)
	show("pg_cancel_backend", cancel)

	_, err = a.Exec(ctx, `create table t (day date, n int check (n > 0)) partition by range (day);
		create table t_2026 partition of t for values from ('2026-01-01') to ('2027-01-01')`)
	must(err)
	_, check := a.Exec(ctx, `insert into t values ('2026-06-01', -1)`)
	_, missing := a.Exec(ctx, `insert into t values ('2027-06-01', 1)`)
	show("wrong row", check)
	show("no partition", missing)
}

func show(what string, err error) {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		must(fmt.Errorf("%s: %v", what, err))
	}
	fmt.Printf("%s: %s %s %q constraint=%q detail=%t routine=%s\n", what, e.Severity, e.Code, strings.SplitN(e.Message, " for row", 2)[0], e.ConstraintName, e.Detail != "", e.Routine)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
GO
go mod init example >/dev/null 2>&1
go get github.com/fergusstrange/embedded-postgres@v1.34.0 github.com/jackc/pgx/v5@v5.12.0 >/dev/null 2>&1
go build -o example .
mkdir work
chmod 0755 "$dir"
chmod 0777 work
WORK="$dir/work" ./example >got.txt

cat >want.txt <<'END'
statement_timeout: ERROR 57014 "canceling statement due to statement timeout" constraint="" detail=false routine=ProcessInterrupts
pg_cancel_backend: ERROR 57014 "canceling statement due to user request" constraint="" detail=false routine=ProcessInterrupts
wrong row: ERROR 23514 "new row for relation \"t_2026\" violates check constraint \"t_n_check\"" constraint="t_n_check" detail=true routine=ExecConstraints
no partition: ERROR 23514 "no partition of relation \"t\" found" constraint="" detail=true routine=ExecFindPartition
END
diff want.txt got.txt && echo "as described: a time-out looks like a cancel, and a missing partition like a wrong row"
