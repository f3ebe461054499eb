package relay

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/internal/kafkaclient"
)

// lane is one topic: what the leader knows of how far it got. Topics do not wait for each
// other, and of one topic only partitions that fail wait.
//
// The lane walks through the pending rows in order of seq, batch after batch, and now and
// then begins anew at the first: a row may become visible after one with a higher seq.
// Rows of which something could not be sent stay behind it; the next walk, after a pause,
// takes them up in order. A partition that failed gets nothing more in this walk, so what
// is behind does not overtake.
type lane struct {
	name    string // in the outbox
	topic   string // in Kafka
	busy    bool   // a batch is under way
	idle    bool   // nothing was found at the last look
	after   int64  // the walk has seen rows up to this seq
	next    time.Time
	failing map[int]bool // partitions, in this walk
	blocked bool         // the topic as a whole, in this walk
	left    bool         // rows stayed behind in this walk
	fails   int          // walks in a row that left some
	begun   bool         // this walk has looked once
}

// walk begins at the first row.
func (l *lane) walk() {
	l.after, l.failing, l.blocked, l.left, l.idle, l.begun = 0, nil, false, false, false, false
}

// due reports whether rows may be claimed. woken says that there may be new ones.
func (l *lane) due(now time.Time, woken bool) bool {
	if l.busy {
		return false
	}
	if !now.Before(l.next) {
		l.recovered()
		l.walk()
	}
	return !l.blocked && (!l.idle || woken)
}

// leave notes that rows stay behind until the next walk.
func (l *lane) leave(now time.Time, cfg Config) time.Duration {
	if !l.left {
		l.left = true
		l.fails++
		pause := min(cfg.MaxPause, cfg.MinPause<<min(l.fails-1, 20))
		pause += time.Duration((rand.Float64() - 0.5) / 2 * float64(pause))
		l.next = now.Add(pause)
	}
	return l.next.Sub(now)
}

// recovered reports whether this walk left nothing behind, after some that did.
func (l *lane) recovered() bool {
	if l.left || l.fails == 0 {
		return false
	}
	l.fails = 0
	return true
}

// looked notes what a look for rows brought. The first look of a walk passes by all rows
// that were sent and not yet vacuumed away; the dearer that is, the later the next walk.
func (l *lane) looked(now time.Time, took time.Duration, found []*claimed, cfg Config) {
	if !l.begun {
		l.begun = true
		l.next = now.Add(max(cfg.Poll, 20*took))
	}
	if l.idle = len(found) == 0; !l.idle {
		l.after = found[len(found)-1].Seq
	}
}

// batch is what one claim brought, and what became of it.
type batch struct {
	lane    *lane
	rows    []*claimed
	failing map[int]bool // partitions that failed, with those that did before
	blocked bool
	fenced  bool                  // another relay leads
	offer   *kafkaclient.Identity // a producer id; nothing was sent before there is an epoch
}

// send sends a batch. It ends early when stop does.
func (r *Relay) send(stop, ctx context.Context, b *batch) {
	if !r.cfg.Unfenced && r.producer.identity.current() == nil {
		offer, err := r.producer.ask(ctx, b.lane.topic)
		if err != nil {
			b.blocked = stop.Err() == nil
			b.fail(err)
			return
		}
		b.offer = offer
		return
	}
	for _, row := range b.rows {
		row.open()
	}
	partitions, err := r.producer.partitions(ctx, b.lane.topic)
	if err != nil {
		b.blocked = stop.Err() == nil
		b.fail(err)
		return
	}
	lists := map[int][]*item{}
	for _, row := range b.rows {
		for _, it := range row.items {
			if it.err != nil {
				continue // it cannot be read
			}
			p := partitions[rand.IntN(len(partitions))]
			if it.Key != nil {
				p = kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: it.Key}, partitions...)
			}
			lists[p] = append(lists[p], it)
		}
	}
	var mu sync.Mutex // guards b.failing, b.blocked
	var sending sync.WaitGroup
	for p, items := range lists {
		mu.Lock()
		failing := b.failing[p]
		mu.Unlock()
		if failing {
			continue
		}
		sending.Go(func() {
			err := r.producer.send(stop, ctx, b.lane.topic, p, items)
			if err == nil {
				return
			}
			for _, it := range items {
				if !it.sent && it.err == nil {
					it.err = err
					break // the first of them says it for the row
				}
			}
			mu.Lock()
			defer mu.Unlock()
			b.failing[p] = true
			b.fenced = b.fenced || errors.Is(err, errFenced)
			var whole topicError
			b.blocked = b.blocked || errors.As(err, &whole)
		})
	}
	sending.Wait()
	b.blocked = b.blocked || len(b.failing) == len(partitions)
}

// fail notes err at every row.
func (b *batch) fail(err error) {
	for _, row := range b.rows {
		if row.err == nil {
			row.err = err
		}
	}
}

// split tells apart the rows that are done from those that must be written back: all that
// lost messages or got an error.
func (b *batch) split() (done []*claimed, back []leftover, left bool) {
	for _, row := range b.rows {
		all, payload, err := row.remaining()
		switch {
		case all:
			done = append(done, row)
			continue
		case payload != nil && err == nil:
			err = errBehind
			fallthrough
		case err != nil:
			back = append(back, leftover{row, payload, err})
		}
		left = true
	}
	return done, back, left
}

var errBehind = errors.New("a message waits for its topic partition, behind one that could not be sent")

// leftover is a row of which something remains.
type leftover struct {
	row     *claimed
	payload []byte // nil: all of it
	err     error
}
