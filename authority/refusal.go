package authority

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// RefusedError says that a credential is not accepted, and not why: whoever shows one that he
// found or guessed learns nothing. The reason is in the log, and where the credential is a
// tenant's own in its audit log, under the reference. Exit status 1; HTTP 401.
type RefusedError struct {
	Reference string
}

func (e *RefusedError) Error() string {
	return "the credential is not accepted (reference " + e.Reference + "); who runs Sluice finds the reason in the log under the reference"
}

// MissingError says what somebody who is known lacks. Exit status 1; HTTP 403.
type MissingError struct {
	Name  string     // who
	Needs Permission // what he lacks
	What  string     // what is wrong and how to get it
}

func (e *MissingError) Error() string { return e.What }

// refuse logs why a credential is not accepted.
func (a *Authority) refuse(what, reason string) *RefusedError {
	e := &RefusedError{Reference: reference()}
	a.log.Log(context.Background(), a.level, "a credential was refused", "for", what, "reason", reason, "reference", e.Reference)
	return e
}

// refuseOf refuses a credential of somebody whom the tenant knows: its audit log has it too.
func (a *Authority) refuseOf(ctx context.Context, p party, what, reason string) *RefusedError {
	e := a.refuse(what, p.Name+": "+reason)
	a.noteRefusal(ctx, p, what, reason, e.Reference)
	return e
}

func reference() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// noteRefusal writes a refusal into the audit log of the tenant: of one reason of one party at
// most once a minute, so that nobody fills the log by trying on.
func (a *Authority) noteRefusal(ctx context.Context, p party, what, reason, reference string) {
	if !a.noted.first(p.Tenant.String() + p.ID.String() + reason) {
		return
	}
	entity := "client"
	if p.IsUser {
		entity = "user"
	}
	// Whoever asked may be gone; that he was refused stays.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := pg.Tenant(pg.WithActor(ctx, pg.Actor{User: p.ID, Name: p.Name}), a.pool, p.Tenant, func(tx pgx.Tx) error {
		return audit.Note(ctx, tx, p.Tenant, audit.Entry{
			Actor: &p.ID, Action: "access.refuse", Entity: entity, Of: &p.ID,
			Diff: map[string]any{"name": p.Name, "for": what, "reason": reason, "reference": reference},
		})
	})
	if err != nil {
		a.log.Error("a refusal is missing from the audit log", "reference", reference, "error", err)
	}
}

// notes remembers what was noted in the last minute.
type notes struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

// first reports whether key was not seen for a minute, and sees it.
func (n *notes) first(key string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	if now.Sub(n.seen[key]) < time.Minute {
		return false
	}
	for k, at := range n.seen { // it stays as small as a minute's refusals of known parties
		if now.Sub(at) >= time.Minute {
			delete(n.seen, k)
		}
	}
	if n.seen == nil {
		n.seen = map[string]time.Time{}
	}
	n.seen[key] = now
	return true
}

// gives says whether whoever acts in ctx may give others these permissions: those that he has
// himself. Without a decision it is the operator, who may give all.
func gives(ctx context.Context, list []Permission) error {
	d, ok := From(ctx)
	if !ok {
		return nil
	}
	if missing := beyond(list, d.Permissions); len(missing) > 0 {
		return &MissingError{d.Actor.Name, missing[0], fmt.Sprintf("%s cannot give %s to others: nobody gives more than he has, which is %s", d.Actor.Name, join(missing), join(d.Permissions))}
	}
	return nil
}

// party is a user or a client that a tenant knows.
type party struct {
	Tenant      id.ID
	Of          string // the tenant's name; "" where it has no row: the operator's
	ID          id.ID
	Name        string
	IsUser      bool
	Active      bool
	Roles       []string
	Permissions []Permission
}

// tenantName is how people call the tenant.
func (p party) tenantName() string {
	switch {
	case p.Tenant == id.Operator:
		return OperatorName
	case p.Of == "":
		return p.Tenant.String() // its row is gone
	}
	return p.Of
}
