package backup

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"sluice/internal/pg"
)

// ErrElsewhere says that another process receives WAL through this slot.
var ErrElsewhere = errors.New("another process archives WAL through this replication slot")

// errLost says that the server has removed WAL which the slot should have kept.
var errLost = errors.New("the server has removed WAL that was not archived yet (max_slot_wal_keep_size)")

const (
	// statusEvery is how often the server hears that we live, well within wal_sender_timeout.
	statusEvery = 10 * time.Second
	retryPause  = 2 * time.Second
)

// keepWAL makes sure that the slot is there and whole. One whose WAL the server gave up is made
// anew, and what lies between is lost: the backup that is made next is where the archive goes on.
func (c Config) keepWAL(ctx context.Context, s *server) error {
	at, err := s.ensureSlot(ctx, c.Slot)
	if err != nil || at != 0 {
		return err
	}
	c.Logger.Error("WAL was lost: "+errLost.Error()+"; no moment from the last archived segment to the next backup can be restored", "slot", c.Slot)
	if _, err := s.query(ctx, "DROP_REPLICATION_SLOT "+c.Slot); err != nil {
		return fmt.Errorf("replication slot %s is lost: %w", c.Slot, err)
	}
	_, err = s.ensureSlot(ctx, c.Slot)
	return err
}

// DropSlot has the server forget what is not archived yet, which frees its disk and leaves a gap in the archive.
func DropSlot(ctx context.Context, cfg Config) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	s, err := cfg.replicate(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	there, _, err := s.hasSlot(ctx, cfg.Slot)
	if err != nil || !there {
		return err
	}
	if _, err := s.query(ctx, "DROP_REPLICATION_SLOT "+cfg.Slot); err != nil {
		return fmt.Errorf("drop replication slot %s: %w", cfg.Slot, err)
	}
	return nil
}

// archiveTo archives up to and with a segment, or waits for whoever does.
func (c Config) archiveTo(ctx context.Context, system systemID, last segment, size uint64) error {
	patient, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	object := walObject(system, last.name(size))
	for {
		if c.WAL == Stream {
			err := c.receive(patient, last.end(size))
			if err == nil || !errors.Is(err, ErrElsewhere) {
				return err
			}
		}
		_, body, err := openWAL(patient, c.Store, object)
		if err == nil {
			return body.Close()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if !pause(patient, time.Second) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("nobody has archived %s for %s: look at archive_command and the server's log, or whether the process that holds slot %s lives", last.name(size), c.Patience, c.Slot)
		}
	}
}

// ArchiveAll archives all WAL up to now, and says up to where. The last segment is cut short for it; where our role may
// not (pg_switch_wal), what is in it waits until it is full.
func ArchiveAll(ctx context.Context, cfg Config) (LSN, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return 0, err
	}
	s, err := cfg.replicate(ctx)
	if err != nil {
		return 0, err
	}
	defer s.close()
	if err := cfg.keepWAL(ctx, s); err != nil {
		return 0, err
	}
	until := s.flushed - s.flushed%LSN(s.segment)
	switch at, err := cfg.switchWAL(ctx); {
	case err == nil:
		until = at
	case pg.FaultOf(err) == pg.FaultDefect:
		cfg.Logger.Warn("the segment in hand is not archived: grant execute on function pg_switch_wal() to the role that makes backups", "error", err)
	default:
		return 0, err
	}
	last := lastSegment(s.timeline, until, s.segment)
	return last.end(s.segment), cfg.archiveTo(ctx, s.system, last, s.segment)
}

// switchWAL ends the segment in hand, if there is anything in it.
func (c Config) switchWAL(ctx context.Context) (at LSN, err error) {
	conn, err := pg.Connect(ctx, c.URL, c.Login)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var text string
	if err := conn.QueryRow(ctx, `select pg_switch_wal()::text`).Scan(&text); err != nil {
		return 0, err
	}
	return ParseLSN(text)
}

// Receive archives WAL as it is written, until ctx ends. Of several processes with one slot one does
// it, and the others wait for it to go. It survives outages of the server and of the store: the server
// keeps what is not archived. Every so often a segment that is not full is archived too, so that no more than
// that is lost with the server; 0 leaves that to archive_timeout.
func Receive(ctx context.Context, cfg Config, every time.Duration) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	if every > 0 {
		ticking, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); cfg.keepSwitching(ticking, every) }()
		defer func() { stop(); <-done }()
	}
	for {
		err := cfg.receive(ctx, 0)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var page *PageError
		if errors.Is(err, ErrOtherWAL) || errors.As(err, &page) || pg.FaultOf(err) == pg.FaultDefect {
			return err
		}
		wait := retryPause
		if errors.Is(err, ErrElsewhere) {
			wait = statusEvery
		} else {
			if cfg.Failed != nil {
				cfg.Failed(err)
			}
			cfg.Logger.Warn("WAL is not archived; it is tried again, and the server keeps it meanwhile", "error", err)
		}
		if !pause(ctx, wait) {
			return ctx.Err()
		}
	}
}

func (c Config) keepSwitching(ctx context.Context, every time.Duration) {
	for pause(ctx, every) {
		_, err := c.switchWAL(ctx)
		if err != nil && ctx.Err() == nil {
			c.Logger.Warn("a segment of WAL that is not full cannot be archived now", "error", err)
			if pg.FaultOf(err) == pg.FaultDefect {
				return // archive_timeout has to do
			}
		}
	}
}

// receiver assembles segments from what one connection sends.
type receiver struct {
	cfg   Config
	s     *server
	at    LSN    // the next byte that comes
	done  LSN    // archived up to here: what the server may forget
	bytes []byte // of the segment in hand
}

// receive archives until a place; 0 is for ever.
func (c Config) receive(ctx context.Context, until LSN) error {
	s, err := c.replicate(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := c.keepWAL(ctx, s); err != nil {
		return err
	}
	_, from, err := s.hasSlot(ctx, c.Slot)
	if err != nil {
		return err
	}
	if err := c.archiveHistory(ctx, s); err != nil {
		return err
	}
	from -= from % LSN(s.segment)
	if until != 0 && from >= until {
		return nil
	}
	r := &receiver{cfg: c, s: s, at: from, done: from, bytes: make([]byte, 0, s.segment)}
	return r.run(ctx, until)
}

// archiveHistory archives the history of the server's timeline, which names those before it.
func (c Config) archiveHistory(ctx context.Context, s *server) error {
	if s.timeline == 1 {
		return nil
	}
	rows, err := s.query(ctx, fmt.Sprintf("TIMELINE_HISTORY %d", s.timeline))
	if err != nil {
		return fmt.Errorf("history of timeline %d: %w", s.timeline, err)
	}
	if len(rows) != 1 || len(rows[0]) != 2 || !historyName.MatchString(rows[0][0]) {
		return fmt.Errorf("history of timeline %d: an answer of another form", s.timeline)
	}
	return putWAL(ctx, c.Store, c.Keys, s.system, rows[0][0], []byte(rows[0][1]))
}

func (r *receiver) run(ctx context.Context, until LSN) error {
	err := r.s.send(fmt.Sprintf("START_REPLICATION SLOT %s PHYSICAL %s TIMELINE %d", r.cfg.Slot, r.at, r.s.timeline))
	if err != nil {
		return err
	}
	m, err := r.s.receive(ctx)
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code == "55006" {
		return ErrElsewhere
	}
	if err != nil {
		return fmt.Errorf("receive WAL from %s on: %w", r.at, err)
	}
	if _, ok := m.(*pgproto3.CopyBothResponse); !ok {
		return fmt.Errorf("the server answers with %T", m)
	}
	told := time.Time{}
	for {
		if time.Since(told) >= statusEvery {
			if err := r.tell(); err != nil {
				return err
			}
			told = time.Now()
		}
		if until != 0 && r.done >= until {
			return r.tell() // so that the server knows before we are gone
		}
		waiting, cancel := context.WithDeadline(ctx, told.Add(statusEvery))
		m, err := r.s.receive(waiting)
		cancel()
		if pgconn.Timeout(err) && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return fmt.Errorf("receive WAL at %s: %w", r.at, err)
		}
		answer, err := r.message(ctx, m)
		if err != nil {
			return err
		}
		if answer {
			told = time.Time{}
		}
	}
}

// message takes one message, and says whether the server is to hear of us now.
func (r *receiver) message(ctx context.Context, m pgproto3.BackendMessage) (answer bool, err error) {
	data, ok := m.(*pgproto3.CopyData)
	if !ok || len(data.Data) == 0 {
		// The end of a timeline too: who connects anew learns which one goes on.
		return false, fmt.Errorf("the server ends the stream at %s", r.at)
	}
	b := data.Data
	switch {
	case b[0] == 'k' && len(b) == 18:
		r.behind(b[1:])
		return b[17] != 0, nil
	case b[0] == 'w' && len(b) >= 25:
		if at := LSN(binary.BigEndian.Uint64(b[1:])); at != r.at {
			return false, fmt.Errorf("the server sends WAL at %s, expected %s", at, r.at)
		}
		full, err := r.take(ctx, b[25:])
		if err == nil {
			r.behind(b[9:])
		}
		return full, err
	}
	return false, fmt.Errorf("the server sends a message of kind %q", b[0])
}

// behind tells how far the archive is behind the server's end, which begins b.
func (r *receiver) behind(b []byte) {
	if end := LSN(binary.BigEndian.Uint64(b)); r.cfg.Behind != nil && end >= r.done {
		r.cfg.Behind(int64(end - r.done))
	}
}

// take adds WAL, and archives each segment that is full.
func (r *receiver) take(ctx context.Context, wal []byte) (full bool, err error) {
	size := r.s.segment
	for len(wal) > 0 {
		n := min(len(wal), int(size)-len(r.bytes))
		r.bytes = append(r.bytes, wal[:n]...)
		r.at += LSN(n)
		wal = wal[n:]
		if len(r.bytes) < int(size) {
			continue
		}
		name := lastSegment(r.s.timeline, r.at, size).name(size)
		if _, err := checkSegment(name, r.bytes); err != nil {
			return full, err
		}
		if err := putWAL(ctx, r.cfg.Store, r.cfg.Keys, r.s.system, name, r.bytes); err != nil {
			return full, err
		}
		r.cfg.Logger.Debug("archived", "segment", name)
		r.bytes, r.done, full = r.bytes[:0], r.at, true
	}
	return full, nil
}

// tell says what is archived: only then the server may remove it.
func (r *receiver) tell() error {
	var b [34]byte
	b[0] = 'r'
	for i, at := range []LSN{r.at, r.done, r.done} {
		binary.BigEndian.PutUint64(b[1+8*i:], uint64(at))
	}
	const epoch = 946684800 // 2000, from which PostgreSQL counts
	binary.BigEndian.PutUint64(b[25:], uint64(time.Now().UnixMicro()-epoch*1_000_000))
	r.s.conn.Frontend().Send(&pgproto3.CopyData{Data: b[:]})
	if err := r.s.conn.Frontend().Flush(); err != nil {
		return fmt.Errorf("tell the server what is archived: %w", err)
	}
	return nil
}

// pause waits; it reports whether it was left to.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
