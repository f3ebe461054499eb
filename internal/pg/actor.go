package pg

import (
	"context"
	"strings"

	"sluice/internal/id"
)

// Actor is who acts. A transaction of a tenant tells the database, by the settings of the
// specification's section 2.3: app.user_id and app.roles beside app.tenant_id. Without an actor
// both are empty: the operator, or the program itself.
type Actor struct {
	User  id.ID
	Name  string   // for people: a subject, a client's id, a token's name
	Roles []string // names of the tenant's roles, without commas
}

type actorKey struct{}

// WithActor returns a context in which transactions of a tenant are a's.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf returns who acts in ctx; false: nobody was named.
func ActorOf(ctx context.Context) (Actor, bool) {
	a, ok := ctx.Value(actorKey{}).(Actor)
	return a, ok
}

// settings are the values of app.user_id and app.roles.
func (a Actor) settings() (user, roles string) {
	if a.User != (id.ID{}) {
		user = a.User.String()
	}
	return user, strings.Join(a.Roles, ",")
}

// UserOf returns the id of who acts in ctx; nil: nobody was named.
func UserOf(ctx context.Context) *id.ID {
	a, ok := ActorOf(ctx)
	if !ok || a.User == (id.ID{}) {
		return nil
	}
	return &a.User
}
