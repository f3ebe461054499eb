package kafka

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/segmentio/kafka-go"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/normalize"
	"sluice/topics"
)

// A message whose document does not come in time is put aside: a row of ingest.deferred, in the
// transaction that moves the place past it. Later ones of its key follow it there. Whoever is a
// member of the group tries the first of each key again, and it lands, or is parked, as it would have in
// its lane; the row goes in that transaction.

// lateError says that a message has to wait beside its topic partition.
type lateError struct {
	cause *normalize.ParkError // why; nil: behind another one with its key
}

func (e *lateError) Error() string {
	if e.cause == nil {
		return "an earlier message of the key waits for its document"
	}
	return e.cause.Error()
}

// reference gets the document that the message names.
func (s *Source) reference(ctx context.Context, tenant id.ID, ref string, sum []byte) ([]byte, *normalize.ParkError, error) {
	if s.retried != nil {
		return s.retried.bytes, s.retried.park, nil
	}
	if s.cfg.References == nil {
		return nil, normalize.Park(normalize.ReasonReference, "header "+headerRef, "documents by reference are not allowed here; the operator allows prefixes with --document-prefix"), nil
	}
	b, park, late, err := s.cfg.References.Within(ctx, s.cfg.ReferenceBudget, true, tenant, ref, sum)
	if late {
		return nil, nil, &lateError{park}
	}
	return b, park, err
}

// behind reports whether a message with the key of the one in hand waits. Only this process can
// add one, as the owner of the topic partition; anybody may take the last away.
func (s *Source) behind(ctx context.Context) (bool, error) {
	if s.retried != nil {
		return false, nil
	}
	if s.keys == nil {
		rows, err := s.pool.Query(ctx, sqlDeferredKeys, s.owner.group, s.topic, s.partition)
		if err != nil {
			return false, fmt.Errorf("keys of %s/%d that wait: %w", s.topic, s.partition, err)
		}
		keys, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		if err != nil {
			return false, fmt.Errorf("keys of %s/%d that wait: %w", s.topic, s.partition, err)
		}
		s.keys = map[[32]byte]bool{}
		for _, k := range keys {
			s.keys[[32]byte(k)] = true
		}
	}
	if len(s.keys) == 0 || len(s.message.Key) == 0 {
		return false, nil
	}
	key := sha256.Sum256(s.message.Key)
	if !s.keys[key] {
		return false, nil
	}
	var waits bool
	if err := s.pool.QueryRow(ctx, sqlDeferredKey, s.owner.group, s.topic, s.partition, key[:]).Scan(&waits); err != nil {
		return false, fmt.Errorf("key of %s: %w", origin(s.message), err)
	}
	if !waits {
		delete(s.keys, key)
	}
	return waits, nil
}

// putAside writes the message in hand down and moves the place past it.
func (s *Source) putAside(ctx context.Context, late *lateError) error {
	if err := s.progress.await(ctx, s.span.from); err != nil {
		return err
	}
	m := s.message
	names, values := make([]string, len(m.Headers)), make([][]byte, len(m.Headers))
	for i, h := range m.Headers {
		names[i], values[i] = storable(h.Key), h.Value
	}
	var key []byte
	if len(m.Key) > 0 {
		key = m.Key
	}
	cause := ""
	if late.cause != nil {
		cause = storable(late.Error())
	}
	_, err := s.alone(ctx, s.span, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sqlDefer, s.owner.group, s.topic, s.partition, m.Offset, s.start, key, m.Value, names, values, m.Time.UTC(),
			storable(readHeaders(m).ref), late.cause != nil, cause)
		if err != nil {
			return fmt.Errorf("put %s aside: %w", origin(m), err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if key != nil {
		s.keys[sha256.Sum256(key)] = true
	}
	s.log.Info("the message waits beside its topic partition", "origin", origin(m), "reason", late)
	return nil
}

// retried is a message that was put aside and is tried again.
type retried struct {
	row     int64
	token   id.ID
	entry   int
	ref     string
	attempt int
	expired bool // it has waited long enough
	message kafka.Message

	bytes []byte
	park  *normalize.ParkError
}

const (
	deferredWorkers = 4
	// retryBudget is how long one try may take that nobody waits for, retryLease how long
	// the message is nobody else's.
	retryBudget = 5 * time.Minute
	retryLease  = retryBudget + 5*time.Minute
	// The pause before the next try doubles from the first to the last of these.
	firstRetryPause, lastRetryPause = time.Second, time.Minute
)

// serveDeferred tries what was put aside until ctx ends.
func (c *Consumer) serveDeferred(ctx context.Context) {
	pool := c.pools.Ingest
	room := make(chan struct{}, deferredWorkers)
	var working sync.WaitGroup
	defer working.Wait()
	var counted time.Time
	for ctx.Err() == nil {
		if time.Since(counted) > c.cfg.WatchInterval {
			counted = time.Now()
			c.countDeferred(ctx, pool)
		}
		room <- struct{}{}
		r, err := c.claimDeferred(ctx, pool)
		if r == nil {
			<-room
			if err != nil && ctx.Err() == nil {
				c.cfg.Logger.Info("messages that were put aside wait", "error", err)
			}
			sleep(ctx, min(time.Second, c.cfg.WatchInterval))
			continue
		}
		working.Go(func() {
			defer func() { <-room }()
			if err := c.retry(ctx, pool, r); err != nil && ctx.Err() == nil {
				c.cfg.Logger.Warn("a message that was put aside waits on", "origin", origin(&r.message), "error", err)
			}
		})
	}
}

func (c *Consumer) countDeferred(ctx context.Context, pool *pgxpool.Pool) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var n int64
	var oldest float64
	if err := pool.QueryRow(ctx, sqlDeferredBacklog, c.cfg.Group).Scan(&n, &oldest); err != nil {
		c.metrics.deferred.Reset() // unknown
		c.metrics.oldestAside.Reset()
		return
	}
	c.metrics.deferred.WithLabelValues().Set(float64(n))
	c.metrics.oldestAside.WithLabelValues().Set(oldest)
}

// claimDeferred takes the next message that is due; nil where there is none.
func (c *Consumer) claimDeferred(ctx context.Context, pool *pgxpool.Pool) (*retried, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	r := &retried{}
	m := &r.message
	var names []string
	var values [][]byte
	err := pool.QueryRow(ctx, sqlClaimDeferred, c.cfg.Group, c.cfg.References.any(), c.cfg.ReferenceWait, retryLease).
		Scan(&r.row, &m.Topic, &m.Partition, &m.Offset, &r.entry, &m.Key, &m.Value, &names, &values, &m.Time, &r.ref, &r.attempt, &r.token, &r.expired)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("claim a message that was put aside: %w", err)
	}
	for i, name := range names {
		m.Headers = append(m.Headers, kafka.Header{Key: name, Value: values[i]})
	}
	return r, nil
}

// retry fetches the document of a message and carries it through the pipeline of its lane.
func (c *Consumer) retry(ctx context.Context, pool *pgxpool.Pool, r *retried) error {
	ready, err := c.refetch(ctx, r)
	if err == nil && ready {
		l, kind := c.laneOf(strings.TrimPrefix(r.message.Topic, c.cfg.Prefix+"."))
		err = l.pipeline.Run(ctx, newRetrySource(&c.cfg, l, c.metrics, kind, r))
		if err == nil || errors.Is(err, ingest.ErrFenced) {
			return nil
		}
	}
	pause, cause := min(firstRetryPause<<min(r.attempt-1, 20), lastRetryPause), ""
	switch {
	case r.park != nil:
		cause = storable(r.park.Error())
	case err != nil:
		cause = storable(err.Error())
	}
	// Of a stop, too: the next process shall not have to wait for the lease.
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	if _, e := pool.Exec(back, sqlPostpone, r.row, r.token, pause, cause); e != nil && err == nil {
		err = fmt.Errorf("put %s aside again: %w", origin(&r.message), e)
	}
	return err
}

// refetch gets the document that the message names, if it names one. Not ready: it has to wait on.
func (c *Consumer) refetch(ctx context.Context, r *retried) (ready bool, err error) {
	meta, _ := readMessage(&r.message)
	if meta.park != nil || meta.ref == "" {
		return true, nil
	}
	if !c.cfg.References.any() {
		r.park = normalize.Park(normalize.ReasonReference, "header "+headerRef, "it waited for %v, and nobody here may fetch documents; the operator allows prefixes with --document-prefix", c.cfg.ReferenceWait)
		return true, nil
	}
	l, _ := c.laneOf(strings.TrimPrefix(r.message.Topic, c.cfg.Prefix+"."))
	tenant, ok := id.Shared, true
	if meta.tenant != SharedTenant {
		if tenant, ok, err = l.tenants.find(ctx, meta.tenant); err != nil || !ok {
			return err == nil, err // one that is gone is told of where the message is read
		}
	}
	var late bool
	r.bytes, r.park, late, err = c.cfg.References.Within(ctx, retryBudget, false, tenant, meta.ref, meta.sha256)
	if late && r.expired {
		r.park = normalize.Park(r.park.Reason, r.park.Pointer, "it waited for %v and was tried %d times: %w", c.cfg.ReferenceWait, r.attempt, r.park.Err)
		return true, nil
	}
	return err == nil && !late, err
}

// laneOf is the lane of a topic, by its name without the prefix, and what its documents must be.
func (c *Consumer) laneOf(name string) (*lane, normalize.Kind) {
	bare, bulk := strings.CutSuffix(name, bulkSuffix)
	l := c.lanes[laneKey{bulk: bulk, feed: bare == topics.Vuln}]
	if l == nil {
		l = c.lanes[laneKey{bulk: bulk}]
	}
	return l, kinds[bare]
}

// retrySource hands over the documents of one message that was put aside.
type retrySource struct{ *Source }

func newRetrySource(cfg *Config, l *lane, m *metrics, kind normalize.Kind, r *retried) retrySource {
	s := &stream{cfg: cfg, pool: l.pool, metrics: m, topic: r.message.Topic, partition: r.message.Partition, log: cfg.Logger}
	src := newSource(s, l.tenants, kind)
	src.message, src.retried = &r.message, r
	src.span = span{from: place{r.message.Offset, r.entry}, to: place{offset: r.message.Offset + 1}, message: &r.message}
	return retrySource{src}
}

// Next implements ingest.Source.
func (s retrySource) Next(ctx context.Context) (ingest.Envelope, error) {
	if s.message == nil {
		return ingest.Envelope{}, io.EOF
	}
	return s.Source.Next(ctx)
}

// Advance implements ingest.Source: the row goes, or says how many documents are stored.
func (s retrySource) Advance(ctx context.Context, tx pgx.Tx, done []ingest.Envelope) error {
	last := done[len(done)-1].Position.(span)
	sql, args := sqlDeleteDeferred, []any{s.retried.row, s.retried.token}
	if last.message == nil {
		sql, args = sqlStepDeferred, append(args, last.to.entry)
	}
	tag, err := tx.Exec(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("take %s out of those put aside: %w", origin(&s.retried.message), err)
	}
	if tag.RowsAffected() != 1 {
		return fmt.Errorf("%s is tried by another process: %w", origin(&s.retried.message), ingest.ErrFenced)
	}
	return nil
}

// Committed implements ingest.Source. The place of the topic partition is elsewhere.
func (s retrySource) Committed([]ingest.Envelope) {}
