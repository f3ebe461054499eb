package secret

import (
	"context"
	"errors"
)

// Source says where a secret is kept. The zero value has none.
type Source struct {
	Value   Secret // at hand already: from the environment
	File    string // read whenever the secret is needed, so that a new one counts from then on
	Command string // run whenever the secret is needed, for the same reason
}

// Check refuses a source that names a file and a command: nobody could say which one counts.
func (s Source) Check() error {
	if s.File != "" && s.Command != "" {
		return errors.New("it comes from a file or from a command, not from both")
	}
	return nil
}

// None reports whether there is no secret to be had.
func (s Source) None() bool { return s == (Source{}) }

// Get fetches the secret; it is empty where the source has none. A file and a command come
// before the value at hand, which another program may have left in the environment.
func (s Source) Get(ctx context.Context) (Secret, error) {
	switch {
	case s.File != "":
		return Read(s.File)
	case s.Command != "":
		return Run(ctx, s.Command)
	}
	return s.Value, nil
}
