package kafka

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/segmentio/kafka-go"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/unwrap"
)

// Source hands over the documents of one topic partition. It implements ingest.Source;
// once Run of the pipeline has returned, it is used no more.
type Source struct {
	*stream
	tenants *tenants
	kind    normalize.Kind // what the topic is for

	message *kafka.Message // in hand: fetched, and not all of its documents handed over
	span    span           // of the whole message
	entries func() (ingest.Envelope, bool)
	stop    func()
	ahead   *ingest.Envelope // the next one, looked at to know whether the one before is the last
	start   int              // documents of the message that were stored before: at a restart, or ahead
	reached bool             // the message was not taken ahead as a whole
	skip    int              // start, unless there are not so many
	entry   int              // number of the next document

	keys    map[[32]byte]bool // of messages that wait beside the topic partition, as far as is known; nil: not looked yet
	retried *retried          // what became of the document that the message names, where it has waited already

	keepLate bool // a message that has to wait is the caller's business
}

func newSource(s *stream, t *tenants, kind normalize.Kind) *Source {
	return &Source{stream: s, tenants: t, kind: kind}
}

// OpenSource is a source for one topic partition alone, outside any group.
func OpenSource(cfg Config, pool *pgxpool.Pool, topic string, partition int) *Source {
	cfg = cfg.withDefaults()
	return newSource(newStream(&cfg, pool, newMetrics(nil), topic, partition, nil), newTenants(pool, cfg.Group), "")
}

// Next implements ingest.Source.
func (s *Source) Next(ctx context.Context) (ingest.Envelope, error) {
	for s.entries == nil {
		if s.message == nil {
			m, sp, err := s.fetch(ctx)
			if err != nil {
				return ingest.Envelope{}, err
			}
			s.message, s.span = m, sp
		}
		if whole, err := s.reach(ctx); err != nil {
			return ingest.Envelope{}, err // the message stays in hand
		} else if whole {
			s.passOver(s.span)
			s.finish()
			continue
		}
		err := s.begin(ctx)
		var late *lateError
		if errors.As(err, &late) && !s.keepLate {
			if err = s.putAside(ctx, late); err == nil {
				s.finish()
				continue
			}
		}
		if err != nil {
			return ingest.Envelope{}, err // the message stays in hand
		}
	}
	env := *s.ahead
	sp := span{from: place{s.message.Offset, s.entry}, to: place{s.message.Offset, s.entry + 1}}
	if s.entry == s.skip {
		sp.from, sp.gaps = s.span.from, s.span.gaps
	}
	s.entry++
	if next, ok := s.entries(); ok {
		s.ahead = &next
	} else {
		sp.to, sp.message = s.span.to, s.message
		s.finish()
	}
	env.Position = sp
	if s.stream.ahead != nil {
		s.stream.ahead.serves(env.Tenant)
	}
	return env, nil
}

// reach finds out what of the message in hand is stored. Whole: all of it.
func (s *Source) reach(ctx context.Context) (whole bool, err error) {
	if s.reached {
		return false, nil
	}
	s.start = 0
	if s.span.from.offset == s.message.Offset {
		s.start = s.span.from.entry
	}
	if s.stream.ahead != nil {
		entry, whole, err := s.stream.ahead.reach(ctx, s.message)
		if err != nil || whole {
			return whole, err
		}
		s.start = max(s.start, entry)
	}
	s.reached = true
	return false, nil
}

// finish lets go of the message in hand.
func (s *Source) finish() {
	if s.stop != nil {
		s.stop()
	}
	s.message, s.entries, s.stop, s.ahead, s.reached = nil, nil, nil, nil, false
}

// begin takes the documents out of the message in hand: one, or those of an archive, one
// after the other. Those that are stored already are passed over.
func (s *Source) begin(ctx context.Context) error {
	if behind, err := s.behind(ctx); err != nil || behind {
		if behind {
			err = &lateError{}
		}
		return err
	}
	env, value, err := s.describe(ctx, s.message)
	if err != nil {
		return err
	}
	documents := func(yield func(ingest.Envelope) bool) {
		if env.Err != nil {
			env.Bytes = value
			yield(env)
			return
		}
		if unwrap.Plain(value, s.cfg.Limits) {
			env.Bytes = value
			yield(env)
			return
		}
		src := unwrap.Source{Origin: env.Origin, Reader: bytes.NewReader(value), ReaderAt: bytes.NewReader(value), Size: int64(len(value))}
		// Not the caller's context: it may be one for each call. What is unwrapped is in memory.
		_ = unwrap.Walk(context.WithoutCancel(ctx), src, s.cfg.Limits, func(e unwrap.Entry) error {
			one := env
			one.Take(e)
			if !yield(one) {
				return errStopped
			}
			return nil
		})
	}
	s.skip = s.start
	for {
		s.entries, s.stop = iter.Pull(documents)
		s.entry = 0
		next, ok := s.entries()
		for ok && s.entry < s.skip {
			s.entry++
			next, ok = s.entries()
		}
		if ok {
			s.ahead = &next
			return nil
		}
		s.stop()
		if s.skip == 0 {
			documents = func(yield func(ingest.Envelope) bool) {
				env.Err, env.Bytes = normalize.Park(normalize.ReasonEmptyArchive, "", "the message holds no document"), value
				yield(env)
			}
		}
		s.skip = 0 // other limits than before the restart: hand all over, the known ones are duplicates
	}
}

var errStopped = errors.New("stopped")

// describe reads what the headers say and gets the bytes of the document.
func (s *Source) describe(ctx context.Context, m *kafka.Message) (ingest.Envelope, []byte, error) {
	d, value := readMessage(m)
	key := m.Key
	if key == nil {
		key = []byte{}
	}
	env := ingest.Envelope{
		Origin: origin(m), Kind: s.kind, Artifact: d.artifact, Stream: d.stream, ObservedAt: d.observedAt, ScanRun: d.scanRun,
		Warnings: d.warnings, Err: d.park, Reply: &ingest.Reply{Key: key}, Traceparent: d.traceparent, Hints: d.hints(),
	}
	tenant, ok, err := s.tenants.find(ctx, d.tenant)
	if err != nil {
		return env, nil, err
	}
	shared := d.tenant == SharedTenant || (ok && tenant == id.Shared)
	switch {
	case shared && s.kind == normalize.Vuln && s.cfg.Shared:
		env.Tenant = id.Shared
	case shared:
		env.Tenant = id.Operator
		env.Err = normalize.Park(normalize.ReasonTenant, "header "+headerTenant, "only vulnerability facts go to the shared feed, by topic %s.vuln of a consumer that serves it", s.cfg.Prefix)
	case ok:
		env.Tenant = tenant
	default:
		env.Tenant = id.Operator
		if d.tenant == "" {
			env.Err = normalize.Park(normalize.ReasonTenant, "header "+headerTenant, "the message names no tenant; send it with a header tenant, a name or a UUID")
		} else {
			env.Err = normalize.Park(normalize.ReasonTenant, "header "+headerTenant, "there is no tenant %.100q; make it with `sluice tenant create %[1].100s`, then `sluice parked replay --operator --all`", d.tenant)
		}
	}
	if s.cfg.MustBeAllowed && env.Tenant != id.Operator {
		may, err := s.tenants.mayWrite(ctx, env.Tenant, m.Topic)
		if err != nil {
			return env, nil, err
		}
		if !may {
			env.Tenant, env.Err = id.Operator, notAllowed(m.Topic, d.tenant)
		}
	}
	if env.ScanRun == 0 || env.Tenant == id.Operator {
		if env.ScanRun, err = s.tenants.run(ctx, env.Tenant); err != nil {
			return env, nil, err
		}
	}
	if env.Err != nil {
		return env, value, nil
	}
	if d.ref != "" {
		value, env.Err, err = s.reference(ctx, env.Tenant, d.ref, d.sha256)
		return env, value, err
	}
	if len(value) == 0 {
		// Each one is parked under its own place: there is nothing else to tell them apart.
		env.Err = normalize.Park(normalize.ReasonEmpty, "", "the message has no value; send the document as the value, or its place as document-ref")
		return env, nil, nil
	}
	if d.sha256 != nil {
		env.Err = s.checkSum(ctx, env.Origin, value, d.sha256)
	}
	return env, value, nil
}

// checkSum compares with the hash of the value, or of the document when that is what was meant.
func (s *Source) checkSum(ctx context.Context, origin string, value, want []byte) *normalize.ParkError {
	got := sha256.Sum256(value)
	if bytes.Equal(got[:], want) {
		return nil
	}
	unpacked := false
	enough := errors.New("enough")
	_ = unwrap.Walk(ctx, unwrap.Source{Origin: origin, Reader: bytes.NewReader(value), Size: int64(len(value))}, s.cfg.Limits, func(e unwrap.Entry) error {
		sum := sha256.Sum256(e.Bytes)
		unpacked = e.Err == nil && bytes.Equal(sum[:], want)
		return enough
	})
	if unpacked {
		return nil
	}
	return normalize.Park(normalize.ReasonHash, "header "+headerSHA256, "the SHA-256 of the value is %s, and the message says %s; send the message again with the right one",
		hex.EncodeToString(got[:]), hex.EncodeToString(want))
}

// Advance implements ingest.Source.
func (s *Source) Advance(ctx context.Context, tx pgx.Tx, done []ingest.Envelope) error {
	spans := make([]span, len(done))
	for i, env := range done {
		spans[i] = env.Position.(span)
	}
	return s.owner.advance(ctx, tx, spans)
}

// Committed implements ingest.Source.
func (s *Source) Committed(done []ingest.Envelope) {
	var last *kafka.Message
	for i := len(done) - 1; i >= 0 && last == nil; i-- {
		last = done[i].Position.(span).message
	}
	s.stored(done[len(done)-1].Position.(span).to, last)
}

// Parallel implements ingest.Source: a topic partition is stored in its order.
func (s *Source) Parallel() int { return 1 }

// Close lets go of the topic partition's connection.
func (s *Source) Close() {
	s.finish()
	s.stream.close()
}
