package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// halfMade starts the names of files that are being written, beside where they will be.
const halfMade = ".half-"

// Folder is a Store in a folder of this machine, or one that is mounted.
type Folder struct{ root string }

// OpenFolder makes the folder where it is missing. Nobody else may look into it: what is in it
// may not be encrypted.
func OpenFolder(path string) (*Folder, error) {
	root, err := filepath.Abs(path)
	if err == nil {
		err = os.MkdirAll(root, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("folder for backups: %w", err)
	}
	return &Folder{root: root}, nil
}

func (f *Folder) String() string { return f.root }

// path refuses a name that leads out of the folder.
func (f *Folder) path(name string) (string, error) {
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) {
		return "", fmt.Errorf("%q is no name of an object", name)
	}
	return filepath.Join(f.root, local), nil
}

// Create writes beside the name, and gives the file its name by a hard link: unlike a rename that
// fails where there is one already.
func (f *Folder) Create(ctx context.Context, name string, body io.Reader, _ int64) (err error) {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	defer func() {
		switch {
		case errors.Is(err, fs.ErrExist):
			err = fmt.Errorf("%s: %w", name, ErrExists)
		case errors.Is(err, syscall.ENOSPC):
			err = fmt.Errorf("no space left in %s for %s: free some, or keep backups elsewhere with --backup-to", f.root, name)
		case err != nil:
			err = fmt.Errorf("write %s: %w", name, err)
		}
	}()
	dir := filepath.Dir(path)
	if err := f.makeDirs(dir); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist // before a large body is written in vain; the link decides
	}
	file, err := os.CreateTemp(dir, halfMade+"*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = io.Copy(file, readerOf(ctx, body))
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// makeDirs makes folders so that they are there after a power cut too.
func (f *Folder) makeDirs(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if dir != f.root {
		if err := f.makeDirs(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	// Some file systems that are mounted from elsewhere cannot, and have nothing to sync.
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}

// Open opens the file.
func (f *Folder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	path, err := f.path(name)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// List walks the folder below the last slash of prefix.
func (f *Folder) List(ctx context.Context, prefix string) ([]Object, error) {
	var list []Object
	top, err := f.path(prefix[:strings.LastIndexByte("/"+prefix, '/')] + ".")
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		name, err := filepath.Rel(f.root, path)
		if name = filepath.ToSlash(name); err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), halfMade) || !strings.HasPrefix(name, prefix) {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err == nil {
			list = append(list, Object{Name: name, Bytes: info.Size(), Modified: info.ModTime()})
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
		return list, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", f.root, err)
	}
	// The walk goes by folders: a/b comes before a.b.
	slices.SortFunc(list, func(x, y Object) int { return strings.Compare(x.Name, y.Name) })
	return list, nil
}

// Remove removes the file, and the folders above it that are empty then.
func (f *Folder) Remove(_ context.Context, name string) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for dir := filepath.Dir(path); dir != f.root && os.Remove(dir) == nil; dir = filepath.Dir(dir) {
		continue
	}
	return nil
}

// Sweep removes half-made files.
func (f *Folder) Sweep(ctx context.Context, age time.Duration) (n int, err error) {
	err = filepath.WalkDir(f.root, func(path string, entry fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if entry.IsDir() || !strings.HasPrefix(entry.Name(), halfMade) {
			return nil
		}
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) >= age {
			if err := os.Remove(path); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// readerOf ends with ctx.
func readerOf(ctx context.Context, r io.Reader) io.Reader { return &reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}
