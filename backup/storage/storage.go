// Package storage keeps the objects of a backup: in a folder, or in a bucket of something that
// speaks S3's protocol. An object appears under its name whole or not at all, and is never
// overwritten.
package storage

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrExists says that there is an object of that name already.
var ErrExists = errors.New("exists already")

// Object is what a listing says of one.
type Object struct {
	Name     string // with slashes, below the root of the store
	Bytes    int64
	Modified time.Time
}

// Store keeps objects by name. Both kinds pass the same test.
type Store interface {
	// Create stores all of body under name, durably, or nothing. Where there is such an object it
	// stays as it is and the error is ErrExists, also when two create it at the same time. size is
	// that of body, -1 where nobody knows it yet; of two that create a large object whose size
	// they do not know, a bucket that cannot tell them apart keeps the later.
	Create(ctx context.Context, name string, body io.Reader, size int64) error

	// Open reads an object from the start. The error is fs.ErrNotExist where there is none, at the
	// latest with the first read.
	Open(ctx context.Context, name string) (io.ReadCloser, error)

	// List has the objects whose names start with prefix, by name. What is still being written is
	// not among them.
	List(ctx context.Context, prefix string) ([]Object, error)

	// Remove deletes an object; one that is not there is no error.
	Remove(ctx context.Context, name string) error

	// Sweep deletes what writers that died before age ago have left half-made, and says how much.
	Sweep(ctx context.Context, age time.Duration) (int, error)

	// String says where it is, without secrets.
	String() string
}
