// Package audit is the audit log: who changed what, and what stood before. Entries are written
// in the transaction of the change (Note) and never altered, by nobody.
//
// The database chains the entries of a tenant: each has a number and holds the hash of the one
// before. So whoever edits, takes out or puts in one, past all rules, is found by Verify; whoever
// rewrites the whole rest of the chain, by an Anchor that was published before. The oldest entries go
// to a file (Retire) that VerifyFile checks on its own. docs/audit.md has the form of a line.
package audit

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Entry is a row of the audit log.
type Entry struct {
	// Actor is who did it. nil: the user of the transaction (app.user_id), else nobody said who:
	// the program itself, or whoever has the operator's access to the database.
	Actor  *id.ID
	Action string // tenant.set, retention.delete: the kind of thing and the verb
	Entity string // the kind of thing that changed
	Of     *id.ID // which one; nil: several, or it has no id
	Diff   any    // what changed, Change(before, after) where one thing did; its JSON form is kept
}

// Change is the Diff of one thing that changed: what stood before and what stands now. A nil
// before is something new, a nil after is gone. Secrets and hashes of secrets do not belong here.
func Change(before, after any) any { return change{before, after} }

type change struct {
	Before any `json:"before"`
	After  any `json:"after"`
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
