package kafka

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/ingest"
	"sluice/internal/fair"
	"sluice/internal/id"
)

// The scout of a topic partition.
const (
	// scoutLag is how many messages have to wait before anybody looks among them, and scoutPoll how
	// often that is asked.
	scoutLag, scoutPoll = 64, 50 * time.Millisecond
	// A tenant's messages that are remembered, by their offsets, those of all tenants, and how many
	// tenants: half a megabyte, and the names.
	lineLength, scoutOffsets, scoutTenants = 1024, 1 << 16, 4096
	// One turn of a tenant: so many messages, or bytes, or offsets to read over.
	turnMessages, turnBytes, turnReach = 32, 1 << 20, 4000
	// scoutPause is the pause after a failure, and the least between two looks at the same messages.
	scoutPause = time.Second
)

// scout reads a topic partition on beyond the lane, forgets what it has read but for who has sent
// what lies where, and takes messages of tenants that the lane has not come to lately out of turn: a
// few of each, whoever was served longest ago first, each tenant's in their order.
type scout struct {
	main *Source
	lane *lane
	rota fair.Rota

	mu      sync.Mutex
	lines   map[id.ID]*line
	names   map[string]*line // by what the messages call their tenant; nil: there is none such
	offsets int              // that the lines remember
	from    int64            // where it began: what the lane had in hand then has to be stored first
	again   int64            // where somebody's messages were left out; -1: nowhere
	full    bool             // there are more tenants than it remembers: what comes now may be anybody's
}

// line is what a tenant has waiting.
type line struct {
	tenant  id.ID
	waiting []int64 // offsets, ascending
	seen    int64   // the last that was looked at
	more    bool    // there are others after seen
	after   int64   // the last that was left to the lane: none is taken before that is stored
}

func newScout(main *Source, l *lane) *scout { return &scout{main: main, lane: l} }

// run looks on whenever enough waits, until ctx ends.
func (s *scout) run(ctx context.Context) {
	for sleep(ctx, scoutPoll) {
		if s.main.opened.Load() && s.main.progress.waiting() >= scoutLag {
			s.look(ctx)
		}
	}
}

// look reads on and takes messages ahead until little waits.
func (s *scout) look(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	s.from, s.full = s.main.stream.ahead.lane(), false
	s.lines, s.names, s.offsets, s.again = map[id.ID]*line{}, map[string]*line{}, 0, -1
	var reading sync.WaitGroup
	reading.Go(func() { s.read(ctx, s.from) })
	defer reading.Wait()
	defer cancel()
	pause := scoutPause
	for idle := time.Now(); ctx.Err() == nil; {
		served, err := s.turn(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			s.main.log.Info("messages cannot be taken ahead; they wait for their turn", "pause", pause, "error", err)
			if errors.Is(err, ingest.ErrFenced) || !sleep(ctx, pause) {
				return
			}
			pause = min(2*pause, 60*scoutPause)
		case served:
			pause, idle = scoutPause, time.Now()
		case s.main.progress.waiting() >= scoutLag && !s.isFull():
			idle = time.Now()
		case time.Since(idle) > 10*scoutPause:
			return
		}
		if !served {
			sleep(ctx, scoutPoll)
		}
	}
}

// isFull reports whether there is nothing more to note.
func (s *scout) isFull() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full
}

// read notes who has sent what, from an offset on; again from where somebody's messages were left out.
func (s *scout) read(ctx context.Context, from int64) {
	for ctx.Err() == nil {
		began := time.Now()
		again := s.readFrom(ctx, from)
		if again >= 0 {
			from = again
		}
		if wait := scoutPause - time.Since(began); wait > 0 {
			sleep(ctx, wait)
		}
	}
}

// readFrom reads until it fails or somebody's messages are to be looked for again: from where.
func (s *scout) readFrom(ctx context.Context, from int64) (again int64) {
	m := s.main
	r := newReader(ctx, m.cfg, m.topic, m.partition, from, nil)
	defer r.close()
	tick := time.NewTicker(scoutPause / 5)
	defer tick.Stop()
	for {
		select {
		case d := <-r.out:
			if errors.Is(d.err, kafka.OffsetOutOfRange) {
				return -1
			}
			if d.message != nil && s.note(ctx, d.message) != nil {
				return -1
			}
		case <-tick.C:
			s.mu.Lock()
			again, s.again = s.again, -1
			s.mu.Unlock()
			if again >= 0 {
				return again
			}
		case <-ctx.Done():
			return -1
		}
	}
}

// note remembers that a message waits.
func (s *scout) note(ctx context.Context, m *kafka.Message) error {
	name := tenantOf(m)
	s.mu.Lock()
	l, known := s.names[name]
	if !known && len(s.names) >= scoutTenants {
		s.full = true
	}
	full := s.full
	s.mu.Unlock()
	if full {
		return nil
	}
	if !known {
		tenant, ok, err := s.main.tenants.find(ctx, name)
		if err != nil {
			return err
		}
		if name == SharedTenant {
			tenant, ok = id.Shared, true
		}
		s.mu.Lock()
		if ok {
			if l = s.lines[tenant]; l == nil { // else it has several names
				l = &line{tenant: tenant, seen: s.from - 1, after: s.from - 1}
				s.lines[tenant] = l
			}
		}
		s.names[name] = l
		s.mu.Unlock()
	}
	if l == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case l.more || m.Offset <= l.seen:
	case len(l.waiting) >= lineLength || s.offsets >= scoutOffsets:
		l.more = true
	default:
		l.waiting, l.seen = append(l.waiting, m.Offset), m.Offset
		s.offsets++
	}
	return nil
}

// tenantOf is what a message calls its tenant, as describe finds it.
func tenantOf(m *kafka.Message) string {
	d := readHeaders(m)
	if d.park == nil && d.structured() {
		_, _ = d.openEvent(m.Value)
	}
	return d.tenant
}

// turn takes some messages of the tenant ahead that has waited longest, if one may be.
func (s *scout) turn(ctx context.Context) (served bool, err error) {
	l, wanted := s.next()
	if l == nil {
		return false, nil
	}
	s.rota.Serve(l.tenant)
	list, err := s.fetch(ctx, wanted)
	if err != nil {
		return false, err
	}
	a := s.main.stream.ahead
	n := 0
	for n < len(list) && a.claim(list[n]) {
		n++
	}
	list = list[:n]
	done := 0
	if n > 0 {
		err = s.lane.pipeline.Run(ctx, newAheadSource(s.main, list))
		for i, m := range list {
			if a.release(m.Offset) && done == i {
				done++
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(l, wanted, list[:done])
	return done > 0, err
}

// leave takes offsets out of the line: those that are stored, and, where not all are, the next, which is the
// lane's then.
func (s *scout) leave(l *line, wanted []int64, stored []*kafka.Message) {
	k := 0
	for _, m := range stored {
		for k < len(wanted) && wanted[k] <= m.Offset {
			k++
		}
	}
	if len(stored) == 0 && len(wanted) > 0 { // by whatever reason: it is not tried again and again
		l.after = wanted[0]
		k = 1
	}
	l.waiting = l.waiting[k:]
	s.offsets -= k
}

// next is the tenant whose turn it is, and offsets of its first messages.
func (s *scout) next() (*line, []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	durable, at := s.main.progress.at(), s.main.stream.ahead.lane()
	var ready []id.ID
	for tenant, l := range s.lines {
		k, _ := slices.BinarySearch(l.waiting, at)
		if k > 0 { // the lane has come to them
			l.after = max(l.after, l.waiting[k-1])
			l.waiting = l.waiting[k:]
			s.offsets -= k
		}
		switch {
		case !s.main.stream.ahead.waits(tenant):
		case len(l.waiting) > 0 && l.after < durable:
			ready = append(ready, tenant)
		case len(l.waiting) == 0 && l.more:
			// Between what was seen and the lane there may be more of it.
			l.more, l.after = false, max(l.after, at-1)
			if from := max(l.seen+1, at); s.again < 0 || from < s.again {
				s.again = from
			}
		}
	}
	if len(ready) == 0 {
		return nil, nil
	}
	slices.SortFunc(ready, id.ID.Compare)
	s.rota.Order(ready)
	l := s.lines[ready[0]]
	return l, slices.Clone(l.waiting[:min(len(l.waiting), turnMessages)])
}

// fetch reads the messages at these offsets, or the first of them.
func (s *scout) fetch(ctx context.Context, offsets []int64) (list []*kafka.Message, err error) {
	m := s.main
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	r := newReader(ctx, m.cfg, m.topic, m.partition, offsets[0], nil)
	defer r.close()
	bytes := 0
	for len(offsets) > 0 {
		select {
		case d := <-r.out:
			if d.err != nil {
				return nil, d.err
			}
			for len(offsets) > 0 && offsets[0] < d.next-1 { // it is no more
				offsets = offsets[1:]
			}
			if len(offsets) > 0 && d.message != nil && d.message.Offset == offsets[0] {
				list, offsets = append(list, d.message), offsets[1:]
				bytes += len(d.message.Value)
			}
			if len(offsets) > 0 && len(list) > 0 && (bytes > turnBytes || offsets[0]-d.next > turnReach) {
				return list, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return list, nil
}
