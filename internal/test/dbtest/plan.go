package dbtest

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/internal/sqltext"
)

// Plan plans the statements sql/*.sql of a package, each on the connections of the roles that
// run it: a column that a migration renames, or a right that it takes away, is found here. by names the
// statements that others run than usual does; a name of none is a mistake.
//
// Files called staging… make temporary tables: the caller ran them on the connections. A
// change completes statements before they are planned.
func Plan(t testing.TB, files fs.FS, usual *pgx.Conn, by map[string][]*pgx.Conn, change ...func(string) string) {
	t.Helper()
	paths, err := fs.Glob(files, "sql/*.sql")
	if err != nil || len(paths) == 0 {
		t.Fatalf("dbtest: no statements: %v", err)
	}
	named := map[string]bool{}
	for _, p := range paths {
		name := strings.TrimSuffix(path.Base(p), ".sql")
		named[name] = true
		if strings.HasPrefix(name, "staging") {
			continue
		}
		b, err := fs.ReadFile(files, p)
		if err != nil {
			t.Fatalf("dbtest: %v", err)
		}
		sql := sqltext.Whole(files, string(b))
		for _, f := range change {
			sql = f(sql)
		}
		conns, others := by[name]
		if !others {
			conns = []*pgx.Conn{usual}
		}
		for _, conn := range conns {
			// Unlike PREPARE this checks the rights on the tables too. The simple protocol, since
			// the statement's parameters get no values.
			if _, err := conn.PgConn().Exec(t.Context(), "explain (generic_plan)\n"+sql).ReadAll(); err != nil {
				t.Errorf("%s: %v", p, err)
			}
		}
	}
	for name := range by {
		if !named[name] {
			t.Errorf("there is no sql/%s.sql", name)
		}
	}
}
