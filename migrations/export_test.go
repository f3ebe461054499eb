package migrations

import (
	"context"
	"io/fs"

	"github.com/jackc/pgx/v5"
)

// What the tests of package migrations_test need besides the exported names.
var (
	Apply      = apply
	StatusOf   = status
	AllModules = modules
)

// Alone returns the statements that run outside of the script's transaction, with their
// lines, and that transaction.
func Alone(s Script) (texts []string, lines []int, last string, err error) {
	first, last, err := s.alone()
	for _, st := range first {
		texts, lines = append(texts, st.text), append(lines, st.line)
	}
	return texts, lines, last, err
}

func ScriptsOf(files fs.FS) []Script { return scriptsOf(files) }

// PlanStatement is what is planned for one statement.
func PlanStatement(ctx context.Context, conn *pgx.Conn, sql string) (*Step, error) {
	step := &Step{}
	return step, step.look(ctx, sql, sizes{conn: conn, known: map[string]*Lock{}})
}
