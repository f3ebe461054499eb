// Package files is the source of documents that lie in files, folders and archives,
// or come on standard input.
//
// Its position is a set of checkpoints, one row per batch and file, written in the
// transaction of the documents. A scan run that is taken up again skips what its
// checkpoints cover; a fresh run over the same files finds duplicates. Files are
// taken in the order of their arguments, folders in the order of their names. Links to
// files are followed, links to folders only where they are named as arguments. In
// folders, what is neither file nor folder is passed over.
//
// What could not be read is parked without bytes under its path, and is not covered by a
// checkpoint; once it can be read, its parked row goes.
package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/seal"
	"sluice/normalize/unwrap"
)

// Config says what to read and what is known about all of it.
type Config struct {
	Tenant  id.ID
	ScanRun int64
	// Paths are files, folders (read with everything below), archives, or "-" for Stdin.
	Paths []string
	Stdin io.Reader

	// Hints for every document; see ingest.Envelope.
	Kind             normalize.Kind
	Artifact, Stream string
	ObservedAt       time.Time

	Limits normalize.Limits
	// Holds, if set, is told how much memory decompressors hold; see unwrap.Source.
	Holds func(bytes int64)
	// Parallel is how many batches are in flight at once; default 2.
	Parallel int
	// Checkpoints, from LoadCheckpoints, say what earlier attempts of the scan run stored.
	Checkpoints Checkpoints
}

// Source reads files. It implements ingest.Source.
type Source struct {
	cfg     Config
	out     chan ingest.Envelope
	ended   error // why out was closed; written before that
	cancel  context.CancelFunc
	running sync.WaitGroup

	read, total atomic.Int64 // bytes of the files themselves
	counted     atomic.Bool  // total is final
	skipped     atomic.Int64 // documents that earlier attempts stored

	unreadable unreadable
	passed     passed
	near       neighbours
}

// position is where an envelope came from.
type position struct {
	path  string // as the checkpoint has it; "" for what cannot be read twice, a pipe
	entry int
	last  bool // the last entry of its file
	size  int64
	mtime time.Time
}

// Open checks that every path exists and starts reading. Close ends it.
func Open(ctx context.Context, cfg Config) (*Source, error) {
	if cfg.Parallel <= 0 {
		cfg.Parallel = 2
	}
	for _, p := range cfg.Paths {
		if p == "-" {
			continue
		}
		if _, err := os.Stat(p); err != nil {
			return nil, fmt.Errorf("nothing was imported: %w", NoPath(p, err))
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &Source{cfg: cfg, out: make(chan ingest.Envelope), cancel: cancel}
	s.running.Go(func() { s.count(ctx) })
	s.running.Go(func() {
		defer close(s.out)
		s.ended = s.walk(ctx)
	})
	return s, nil
}

// Close stops the reading. One that does not return, of a pipe or of a disk that is far
// away and gone, is left behind.
func (s *Source) Close() {
	s.cancel()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
}

// Progress returns how many bytes of files were read and how many there are, and
// whether the latter is known yet.
func (s *Source) Progress() (read, total int64, known bool) {
	return s.read.Load(), s.total.Load(), s.counted.Load()
}

// Skipped returns how many documents earlier attempts of the scan run had stored.
func (s *Source) Skipped() int64 { return s.skipped.Load() }

// Parallel implements ingest.Source.
func (s *Source) Parallel() int { return s.cfg.Parallel }

// Committed implements ingest.Source; the checkpoints are all there is to do.
func (s *Source) Committed([]ingest.Envelope) {}

// Next implements ingest.Source.
func (s *Source) Next(ctx context.Context) (ingest.Envelope, error) {
	select {
	case env, ok := <-s.out:
		if !ok && s.ended != nil {
			return ingest.Envelope{}, s.ended
		}
		if !ok {
			return ingest.Envelope{}, io.EOF
		}
		return env, nil
	case <-ctx.Done():
		return ingest.Envelope{}, ctx.Err()
	}
}

// Advance implements ingest.Source: one row per run of entries of a file.
func (s *Source) Advance(ctx context.Context, tx pgx.Tx, done []ingest.Envelope) error {
	if err := s.unreadable.forget(ctx, tx, s.cfg.Tenant, done); err != nil {
		return err
	}
	var rows []checkpoint
	for _, env := range done {
		p, ok := env.Position.(position)
		if !ok || p.path == "" || unread(env) {
			continue
		}
		if n := len(rows); n > 0 && rows[n-1].Path == p.path && rows[n-1].Last+1 == p.entry {
			rows[n-1].Last, rows[n-1].Complete = p.entry, p.last
			continue
		}
		rows = append(rows, checkpoint{Path: p.path, First: p.entry, Last: p.entry, Complete: p.last, Size: p.size, ModTime: p.mtime})
	}
	return writeCheckpoints(ctx, tx, s.cfg.Tenant, s.cfg.ScanRun, rows)
}

// each calls fn for every file below the arguments, in order. Trouble with a folder is handed on as err.
func (s *Source) each(ctx context.Context, fn func(path string, info fs.FileInfo, err error) error) error {
	for _, root := range s.cfg.Paths {
		if root == "-" {
			if err := fn(root, nil, nil); err != nil {
				return err
			}
			continue
		}
		// A link that is named is followed; WalkDir itself follows none.
		if target, err := filepath.EvalSymlinks(root); err == nil {
			if info, err := os.Stat(target); err == nil && !info.IsDir() {
				if err := fn(root, info, nil); err != nil {
					return err
				}
				continue
			}
		}
		err := filepath.WalkDir(root+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
			path = filepath.Clean(path)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				if err := fn(path, nil, err); err != nil {
					return err
				}
				if d != nil && d.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
			if d.IsDir() {
				if !unwrap.IsLayout(os.DirFS(path)) {
					return nil
				}
				// An image with all that belongs to it is one thing: what its files are, its index says.
				info, err := os.Stat(path)
				if err := fn(path, info, err); err != nil {
					return err
				}
				return fs.SkipDir
			}
			info, err := os.Stat(path) // of what a link points to
			if errors.Is(err, fs.ErrNotExist) {
				err = errors.New("there is no such file any more: it went while the folder was read, or is a link to nothing")
			}
			if err != nil {
				return fn(path, nil, err)
			}
			if !info.Mode().IsRegular() {
				return nil // a folder behind a link, a socket, a device: nothing to import
			}
			return fn(path, info, nil)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// count sums up the sizes, for the progress bar.
func (s *Source) count(ctx context.Context) {
	err := s.each(ctx, func(_ string, info fs.FileInfo, _ error) error {
		if info != nil {
			s.total.Add(info.Size())
		}
		return nil
	})
	s.counted.Store(err == nil)
}

// walk reads everything and hands it to Next.
func (s *Source) walk(ctx context.Context) error {
	return s.each(ctx, func(path string, info fs.FileInfo, err error) error {
		if err != nil {
			return s.send(ctx, ingest.Envelope{Origin: path, Err: cannotRead(err)})
		}
		return s.file(ctx, path, info)
	})
}

func cannotRead(err error) *normalize.ParkError {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err // the path is the origin already
	}
	return normalize.Park(normalize.ReasonUnreadable, "", "%w; mend the rights or the disk and import it again", err)
}

// file hands over the documents of one file.
func (s *Source) file(ctx context.Context, path string, info fs.FileInfo) error {
	src := unwrap.Source{Origin: path, Holds: s.cfg.Holds}
	var pos position
	var done covered
	if info != nil && info.IsDir() {
		return s.layout(ctx, path)
	}
	if name := vouching(path); name != "" {
		if _, err := os.Stat(name); err == nil {
			s.passed.add(path, "vouches for "+filepath.Base(name))
			return nil
		}
	}
	var vouched *seal.Seal
	var suffixes []string
	if path == "-" {
		src.Reader = s.cfg.Stdin
	} else {
		if info.Mode().IsRegular() { // another time a pipe, like standard input, gives something else
			pos.path, pos.size, pos.mtime = checkpointPath(path), info.Size(), info.ModTime()
			done = s.cfg.Checkpoints[pos.path].of(pos.size, pos.mtime)
		}
		if done.complete() {
			s.skipped.Add(int64(done.count()))
			s.read.Add(info.Size())
			return nil
		}
		if suffixes = s.near.of(path); len(suffixes) > 0 {
			content, signature, err := s.beside(ctx, path, suffixes)
			var park *normalize.ParkError
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.As(err, &park):
				pos.last = true
				return s.send(ctx, ingest.Envelope{Origin: path, Bytes: content, Err: park, Retry: true, Position: pos})
			case err != nil:
				return err
			}
			vouched = signature
		}
		f, err := os.Open(path)
		if err != nil {
			return s.send(ctx, ingest.Envelope{Origin: path, Err: cannotRead(err)})
		}
		defer f.Close()
		// Archives are not read from end to end: what counts is that the file is done.
		before := s.read.Load()
		defer func() { s.read.Store(before + info.Size()) }()
		src.Reader = counter{f, &s.read}
		if info.Mode().IsRegular() {
			src.ReaderAt, src.Size = f, info.Size()
		}
	}
	return s.entries(ctx, pos, done, func(yield func(unwrap.Entry) error) error {
		return unwrap.Walk(ctx, src, s.cfg.Limits, func(e unwrap.Entry) error {
			if e.Seal == nil {
				e.Seal = vouched
			}
			return yield(e)
		})
	}, len(suffixes) > 0)
}

// layout hands over what is attached to the image in a folder.
func (s *Source) layout(ctx context.Context, path string) error {
	root, err := os.OpenRoot(path) // links that lead out of it are not followed
	if err != nil {
		return s.send(ctx, ingest.Envelope{Origin: path, Err: cannotRead(err)})
	}
	defer root.Close()
	pos := position{path: checkpointPath(path)}
	if info, err := root.Stat("index.json"); err == nil {
		pos.size, pos.mtime = info.Size(), info.ModTime() // blobs never change; what is attached is in the index
	}
	return s.entries(ctx, pos, s.cfg.Checkpoints[pos.path].of(pos.size, pos.mtime), func(yield func(unwrap.Entry) error) error {
		return unwrap.WalkLayout(ctx, path, root.FS(), s.cfg.Limits, yield)
	}, false)
}

// entries hands over what walk yields. retry says that something beside it may have been mended.
func (s *Source) entries(ctx context.Context, pos position, done covered, walk func(func(unwrap.Entry) error) error, retry bool) error {
	// One entry is held back, to know the last one of the file when it goes out.
	var held *ingest.Envelope
	err := walk(func(e unwrap.Entry) error {
		if done.has(e.Index) {
			s.skipped.Add(1)
			return nil
		}
		if e.Pass != "" {
			s.passed.add(e.Origin, e.Pass)
			return nil
		}
		if held != nil {
			if err := s.send(ctx, *held); err != nil {
				return err
			}
		}
		pos.entry = e.Index
		held = &ingest.Envelope{Position: pos, Retry: retry}
		held.Take(e)
		return nil
	})
	if err != nil {
		return err // stopping: Walk has no errors of its own
	}
	if held == nil {
		return nil
	}
	pos.last = true
	held.Position = pos
	return s.send(ctx, *held)
}

func (s *Source) send(ctx context.Context, env ingest.Envelope) error {
	env.Tenant, env.ScanRun, env.Kind = s.cfg.Tenant, s.cfg.ScanRun, s.cfg.Kind
	env.Artifact, env.Stream, env.ObservedAt = s.cfg.Artifact, s.cfg.Stream, s.cfg.ObservedAt
	select {
	case s.out <- env:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// counter counts what is read, for the progress bar.
type counter struct {
	io.Reader
	n *atomic.Int64
}

func (c counter) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n.Add(int64(n))
	return n, err
}
