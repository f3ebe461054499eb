package files

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// NoPath is why a path that was given cannot be read, in words for whoever gave it.
func NoPath(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(path, "*?["):
		return fmt.Errorf("no file is like %s, so the shell left the pattern as it stands", path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no such file or folder; give files, folders, archives, or - for standard input", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: this user may not read it: look at the rights of it and of the folders above", path)
	}
	return err
}
