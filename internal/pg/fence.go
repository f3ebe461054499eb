package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Fence is asked at the end of a transaction, inside it, whether it may be committed.
type Fence func(ctx context.Context, tx pgx.Tx) error

type fenceKey struct{}

// WithFence has the transactions of Tenant and InTx with this context ask fence, and those that the
// context had before.
func WithFence(ctx context.Context, fence Fence) context.Context {
	before, ok := ctx.Value(fenceKey{}).(Fence)
	if !ok {
		return context.WithValue(ctx, fenceKey{}, fence)
	}
	return context.WithValue(ctx, fenceKey{}, Fence(func(ctx context.Context, tx pgx.Tx) error {
		if err := before(ctx, tx); err != nil {
			return err
		}
		return fence(ctx, tx)
	}))
}

// WithoutFence is for work under a fence that is as right when two do it, such as an import: it acts as
// a role that knows nothing of leads.
func WithoutFence(ctx context.Context) context.Context {
	return context.WithValue(ctx, fenceKey{}, nil)
}

// Fenced asks the context's fence, where it has one.
func Fenced(ctx context.Context, tx pgx.Tx) error {
	if fence, ok := ctx.Value(fenceKey{}).(Fence); ok {
		return fence(ctx, tx)
	}
	return nil
}

// beginner is a pool or a connection.
type beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// InTx runs fn in a transaction and commits it when fn and the context's fence return nil.
func InTx(ctx context.Context, on beginner, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, on, func(tx pgx.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return Fenced(ctx, tx)
	})
}
