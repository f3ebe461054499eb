package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/backup/storage"
	"sluice/internal/pg"
)

// Config says what is backed up, where to and how.
type Config struct {
	// URL is that of the server, as a role that may replicate. Required for all but reading.
	URL string
	// Login, if set, changes what URL says of a connection that is about to be made: the password, the port.
	Login func(context.Context, *pgx.ConnConfig) error
	// Slot is the replication slot that keeps WAL which is not archived yet. Default sluice_backup.
	Slot string
	// WAL says who archives it: Stream (the default), Command or None.
	WAL string
	// Patience is how long Run waits for somebody else to archive what the backup needs. Default 5 min.
	Patience time.Duration
	Store    storage.Store
	Keys     Keys
	Program  string // our version, for the marker
	Logger   *slog.Logger
	// Behind, if set, hears how many bytes of WAL the server has and the archive does not.
	Behind func(bytes int64)
	// Failed, if set, hears why WAL is not archived just now.
	Failed func(error)
	// Progress, if set, hears how many bytes of about how many the server has sent.
	Progress func(done, total int64)
}

// Who archives WAL.
const (
	Stream  = "stream"  // this program, by the replication protocol
	Command = "command" // the server's archive_command, `sluice backup archive %p`
	None    = "none"    // nobody: there are the moments of full backups only
)

func (c Config) complete() (Config, error) {
	if c.Slot == "" {
		c.Slot = "sluice_backup"
	}
	if c.WAL == "" {
		c.WAL = Stream
	}
	if c.Patience <= 0 {
		c.Patience = 5 * time.Minute
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.WAL != Stream && c.WAL != Command && c.WAL != None {
		return c, fmt.Errorf("WAL is archived by stream, command or none, not by %q", c.WAL)
	}
	return c, checkSlot(c.Slot)
}

// facts are what only SQL tells.
type facts struct {
	superuser, database string
	now                 time.Time
}

func (c Config) ask(ctx context.Context) (f facts, err error) {
	conn, err := pg.Connect(ctx, c.URL, c.Login)
	if err != nil {
		return f, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// The superuser that initdb made has this number, whatever its name.
	err = conn.QueryRow(ctx, `select pg_get_userbyid(10)::text, current_database()::text, clock_timestamp()`).
		Scan(&f.superuser, &f.database, &f.now)
	return f, err
}

// Run makes a full backup, and where this program archives the WAL, archives what the backup needs.
// What was killed in the middle has no marker and counts as nothing; Prune removes it.
func Run(ctx context.Context, cfg Config) (Backup, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return Backup{}, err
	}
	b, err := cfg.run(ctx)
	if err != nil {
		return b, fmt.Errorf("backup to %s: %w", cfg.Store, err)
	}
	return b, nil
}

func (c Config) run(ctx context.Context) (Backup, error) {
	s, err := c.replicate(ctx)
	if err != nil {
		return Backup{}, err
	}
	defer s.close()
	if c.WAL == Stream {
		// First the slot: from here on no WAL is lost.
		if err := c.keepWAL(ctx, s); err != nil {
			return Backup{}, err
		}
	}
	f, err := c.ask(ctx)
	if err != nil {
		return Backup{}, err
	}
	b := Backup{
		Format: 1, ID: f.now.UTC().Format(idForm), System: s.system, Version: s.version(), Segment: s.segment, Began: f.now.UTC(), WAL: c.WAL,
		Superuser: f.superuser, Database: f.database, Encryption: c.Keys.encryption(), Program: c.Program,
	}
	w := &baseWriter{ctx: ctx, cfg: c, backup: &b, seen: seen{}}
	out, err := s.baseBackup(ctx, "sluice "+b.ID, w)
	if cerr := w.close(err); err == nil || cerr != nil && !errors.Is(cerr, err) {
		err = errors.Join(err, cerr)
	}
	if err != nil {
		return b, err
	}
	b.Timeline, b.Start, b.Stop = out.timeline, out.start, out.stop
	m, err := parseManifest(w.manifest)
	if err != nil {
		return b, err
	}
	if err := m.compare(w.seen); err != nil {
		return b, fmt.Errorf("what the server sent is not what its manifest lists: %w", err)
	}
	b.Files = len(m.Files)
	s.close() // its slot goes with it
	if f, err = c.ask(ctx); err != nil {
		return b, err
	}
	b.Ended = f.now.UTC()
	if err := writeMarker(ctx, c.Store, b); err != nil {
		return b, err
	}
	c.Logger.Info("backup made", "id", b.ID, "bytes", b.Bytes(), "files", b.Files, "start", b.Start.String(), "stop", b.Stop.String())
	if c.WAL == None {
		return b, nil
	}
	if err := c.archiveTo(ctx, b.System, lastSegment(b.Timeline, b.Stop, b.Segment), b.Segment); err != nil {
		return b, fmt.Errorf("the backup %s is made, and restores to its own end; but the WAL that goes on from it is not archived: %w", b.ID, err)
	}
	return b, nil
}

// baseWriter seals each archive into an object, while it hashes the files inside.
type baseWriter struct {
	ctx      context.Context
	cfg      Config
	backup   *Backup
	seen     seen
	manifest []byte

	part  *partWriter // nil between archives
	total int64
}

// partWriter is one object that is being written.
type partWriter struct {
	Part
	seal   *sealer
	plain  int64
	stored *digest
	pipe   *io.PipeWriter // to the store
	put    chan error     // what became of it
	tar    *io.PipeWriter // to who hashes the files; nil for the manifest
	hashed chan error
}

func (w *baseWriter) archive(name, tablespace string) error {
	if err := w.finish(nil); err != nil {
		return err
	}
	p := &partWriter{Part: Part{Name: name + suffix(w.backup.Encryption), Archive: name, Tablespace: tablespace}, stored: newDigest(), put: make(chan error, 1)}
	r, pipe := io.Pipe()
	p.pipe = pipe
	go func() {
		err := w.cfg.Store.Create(w.ctx, w.backup.dir()+p.Name, r, -1)
		r.CloseWithError(err) // who writes on is told
		p.put <- err
	}()
	w.part = p
	if name != manifestName {
		tr, tw := io.Pipe()
		p.tar, p.hashed = tw, make(chan error, 1)
		go func() {
			err := w.seen.watch(tr, name, nil)
			tr.CloseWithError(err)
			p.hashed <- err
		}()
	}
	var err error
	p.seal, err = w.cfg.Keys.seal(io.MultiWriter(pipe, p.stored))
	return err
}

func (w *baseWriter) data(b []byte) error {
	if w.part == nil {
		return errors.New("the server sends data before it begins an archive")
	}
	w.part.plain += int64(len(b))
	if _, err := w.part.seal.Write(b); err != nil {
		return err
	}
	if w.part.tar == nil {
		w.manifest = append(w.manifest, b...)
		return nil
	}
	_, err := w.part.tar.Write(b)
	return err
}

func (w *baseWriter) progress(n int64) {
	if n < 0 {
		w.total = -n
		n = 0
	}
	if w.cfg.Progress != nil {
		w.cfg.Progress(n, w.total)
	}
}

// finish ends the object in hand; with a reason it is given up.
func (w *baseWriter) finish(why error) error {
	p := w.part
	if p == nil {
		return nil
	}
	w.part = nil
	err := why
	if err == nil {
		err = p.seal.Close()
	}
	if p.tar != nil {
		p.tar.CloseWithError(err) // nil is the end of the archive
		if herr := <-p.hashed; err == nil {
			err = herr
		}
	}
	p.pipe.CloseWithError(err)
	if perr := <-p.put; why == nil && perr != nil {
		err = perr // the reason, where the others only met a closed pipe
	}
	if err != nil {
		return err
	}
	p.Bytes, p.SHA256, p.Plain = p.stored.n, p.stored.sum(), p.plain
	w.backup.Objects = append(w.backup.Objects, p.Part)
	return nil
}

func (w *baseWriter) close(why error) error { return w.finish(why) }
