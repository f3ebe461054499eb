package files

import (
	"errors"
	"io/fs"
	"strings"
)

// pathError is why a path that was given cannot be read, in words for whoever gave it. The system's own words are below it.
type pathError struct {
	text  string
	cause error
}

func (e *pathError) Error() string { return e.text }

func (e *pathError) Unwrap() error { return e.cause }

// NoPath puts err, which looking at a path brought, into words that say what to do.
func NoPath(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(path, "*?["):
		return &pathError{"no file is like " + path + ", so the shell left the pattern as it stands", err}
	case errors.Is(err, fs.ErrNotExist):
		return &pathError{path + ": there is no such file or folder; give files, folders, archives, or - for standard input", err}
	case errors.Is(err, fs.ErrPermission):
		return &pathError{path + ": this user may not look there: mind the rights of the folders above it", err}
	}
	return err
}
