// Package audit appends to the audit log: who changed what, and what stood before. Rows are
// written in the transaction of the change and never altered, by nobody.
package audit

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

var sqlNote = sqltext.From(sqlFiles)("note")

// Entry is a row of the audit log.
type Entry struct {
	Actor  *id.ID // nil: the program itself, or nobody said who
	Action string // tenant.set, retention.delete: the kind of thing and the verb
	Entity string // the kind of thing that changed
	Of     *id.ID // which one; nil: several, or it has no id
	Diff   any    // what changed; its JSON form is kept
}

// Note appends an entry of tenant.
func Note(ctx context.Context, tx pgx.Tx, tenant id.ID, e Entry) error {
	text, err := json.Marshal(e.Diff)
	if err == nil {
		_, err = tx.Exec(ctx, sqlNote, tenant, e.Actor, e.Action, e.Entity, e.Of, string(text))
	}
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}
