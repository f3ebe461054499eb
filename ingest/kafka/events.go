package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"sluice/ingest"
	"sluice/ingest/deliver"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
)

// How large a transaction of events gets. Nobody waits for one, so they may fill.
const (
	eventBatch      = 10_000
	eventBatchBytes = 4 << 20
	eventWait       = 50 * time.Millisecond
)

// eventWriter carries the records of one topic partition into scan_run_event. They are no
// documents: no hash, no receipt, one row each, as fast as the table takes them.
type eventWriter struct {
	*stream
	lane   *lane // for what has to be parked, and the tenants
	reader *eventReader
	sure   map[int64]bool // days since 1970 that there is a partition for
}

func newEventWriter(s *stream, l *lane) *eventWriter {
	return &eventWriter{stream: s, lane: l, reader: newEventReader(), sure: map[int64]bool{}}
}

// run carries batches until ctx ends. Reading and writing overlap.
func (w *eventWriter) run(ctx context.Context) error {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		sleep(hard, w.cfg.StopTimeout)
		cancel()
	})
	defer stop()

	g, gctx := errgroup.WithContext(ctx)
	records, batches := make(chan event, 256), make(chan []event)
	var ended error // what reading ended with
	g.Go(func() error {
		defer close(records)
		ended = w.read(gctx, records)
		return nil // what was read before is stored first
	})
	g.Go(func() error {
		defer close(batches)
		gather(gctx, records, batches)
		return nil
	})
	g.Go(func() error {
		for b := range batches {
			if err := w.store(gctx, hard, b); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return ended
}

// read hands over records until ctx ends or the topic partition has to be looked at again.
func (w *eventWriter) read(ctx context.Context, out chan<- event) error {
	for {
		m, sp, err := w.fetch(ctx)
		switch {
		case err == nil:
		case pg.Outage(err) && ctx.Err() == nil:
			w.log.Warn("database outage: the topic partition waits", "error", err)
			sleep(ctx, time.Second)
			continue
		default:
			return err
		}
		e := w.reader.read(m)
		e.span = sp
		select {
		case out <- e:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gather makes batches by count, bytes and time. What is in hand when ctx ends comes again.
func gather(ctx context.Context, in <-chan event, out chan<- []event) {
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	var list []event
	size := 0
	send := func() bool {
		if len(list) == 0 {
			return true
		}
		select {
		case out <- list:
			list, size = nil, 0
			return true
		case <-ctx.Done():
			return false
		}
	}
	for {
		select {
		case e, ok := <-in:
			if !ok {
				send()
				return
			}
			if len(list) == 0 {
				list = make([]event, 0, 1024)
				due.Reset(eventWait)
			}
			list, size = append(list, e), size+len(e.message.Value)+100
			if (len(list) >= eventBatch || size >= eventBatchBytes) && !send() {
				return
			}
		case <-due.C:
			if !send() {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// store delivers one batch: through outages, cut until a record that the database does not
// take is alone, which is parked.
func (w *eventWriter) store(ctx, hard context.Context, list []event) error {
	var lacking []event // what a partition turned out to be missing for
	err := deliver.Carry(ctx, hard, w.delivery(), deliver.Work[event]{
		Attempt: func(ctx context.Context, list []event) (bool, error) {
			exact := len(lacking) == len(list) && &lacking[0] == &list[0]
			if err := w.prepare(ctx, list, exact); err != nil {
				return false, err
			}
			open, err := w.attempt(ctx, list)
			if pg.LacksPartition(err) {
				clear(w.sure)
				lacking = list
			}
			return open, err
		},
		Settle: w.settled, Refuse: w.refuse, Done: w.stored,
	}, list)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w; the batch in hand was not stored and will come again: %w", ctx.Err(), err)
	}
	if deliver.FaultOf(err) == pg.FaultDefect {
		return pg.Tell(pg.RoleOf(w.pool), fmt.Errorf("store %d events, the first from %s: %w", len(list), origin(list[0].message), err))
	}
	return err
}

// delivery is how patient the writer is.
func (w *eventWriter) delivery() deliver.Config {
	return deliver.Config{RetryFirst: 50 * time.Millisecond, RetryMax: 5 * time.Second, SlowTries: w.cfg.slowTries, Logger: w.log}
}

// refuse has a record that the database does not take parked.
func (w *eventWriter) refuse(e *event, fault pg.Fault, cause error) error {
	if e.park != nil {
		return fmt.Errorf("park %s: %w", origin(e.message), cause) // nothing of the record is in that
	}
	e.park = normalize.Park(normalize.ReasonDatabase, "", "%w", cause)
	if fault == pg.FaultTooSlow {
		e.park = normalize.Park(normalize.ReasonTooSlow, "", "tried %d times: %w", w.cfg.slowTries, cause)
	}
	return nil
}

// stored tells of events that are durable.
func (w *eventWriter) stored(list []event) {
	last := list[len(list)-1]
	w.stream.stored(last.span.to, last.message)
	parked := 0
	for i := range list {
		if list[i].park != nil {
			parked++
		}
	}
	w.metrics.events.WithLabelValues("accepted").Add(float64(len(list) - parked))
	w.metrics.events.WithLabelValues("parked").Add(float64(parked))
	w.metrics.batches.WithLabelValues("events").Inc()
}

// settled finds out what became of a COMMIT without an answer: if it happened, the place
// has moved.
func (w *eventWriter) settled(ctx context.Context, list []event) (bool, error) {
	at, mine, err := w.owner.at(ctx, w.pool)
	switch {
	case err != nil:
		return false, err
	case !mine:
		return false, fmt.Errorf("%s/%d: %w", w.topic, w.partition, ingest.ErrFenced)
	}
	return at == list[len(list)-1].span.to, nil
}

// prepare finds tenants, scan runs and partitions. What has none is parked. exact: a
// partition turned out to be missing for one of them, so each time is looked at and not its day.
func (w *eventWriter) prepare(ctx context.Context, list []event, exact bool) error {
	for i := range list {
		e := &list[i]
		tenant, ok, err := w.lane.tenants.find(ctx, e.tenantName)
		if err != nil {
			return err
		}
		if !ok || tenant == id.Shared {
			tenant = id.Operator
			if e.park == nil {
				e.park = normalize.Park(normalize.ReasonTenant, "header "+headerTenant, "there is no tenant %.100q; name one in the header tenant or the member tenant", e.tenantName)
			}
		}
		if w.cfg.MustBeAllowed && tenant != id.Operator {
			may, err := w.lane.tenants.mayWrite(ctx, tenant, e.message.Topic)
			if err != nil {
				return err
			}
			if !may {
				tenant, e.park = id.Operator, notAllowed(e.message.Topic, e.tenantName)
			}
		}
		e.tenant = tenant
		if e.scanRun == 0 || e.park != nil {
			if e.scanRun, err = w.lane.tenants.run(ctx, tenant); err != nil {
				return err
			}
		}
		day := e.at.Unix() / 86400
		if e.park != nil || w.cfg.Cover == nil || (w.sure[day] && !exact) {
			continue
		}
		err = w.cfg.Cover(ctx, e.at)
		switch fault := pg.FaultOf(err); {
		case err == nil:
			w.sure[day] = true
		case fault == pg.FaultDefect && !exact:
			// Nobody here may make partitions. This one is there, most likely.
		case fault == pg.FaultDefect && len(list) > 1:
			return fmt.Errorf("one of %d events has no partition: %s", len(list), err) // cut, as bad input
		case fault != pg.FaultInput && fault != pg.FaultDefect || ctx.Err() != nil:
			return err
		default: // out of bounds, or missing and nobody here may make it
			e.park = normalize.Park(normalize.ReasonTime, "/occurred_at", "%w", err)
		}
	}
	return nil
}

// attempt is one transaction. open: the answer to COMMIT was lost.
func (w *eventWriter) attempt(ctx context.Context, list []event) (open bool, err error) {
	tx, err := w.pool.Begin(ctx)
	if err != nil {
		return false, fmt.Errorf("%w: %w", deliver.ErrBegin, err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	spans := make([]span, len(list))
	byTenant := map[id.ID][]*event{}
	var tenants []id.ID
	for i := range list {
		e := &list[i]
		spans[i] = e.span
		if byTenant[e.tenant] == nil {
			tenants = append(tenants, e.tenant)
		}
		byTenant[e.tenant] = append(byTenant[e.tenant], e)
	}
	slices.SortFunc(tenants, id.ID.Compare)
	var parked []ingest.Envelope
	for _, tenant := range tenants {
		bad, err := w.insert(ctx, tx, tenant, byTenant[tenant])
		if err != nil {
			return false, err
		}
		parked = append(parked, bad...)
	}
	if len(parked) > 0 {
		if _, err := w.lane.pipeline.Park(ctx, tx, parked); err != nil {
			return false, err
		}
	}
	if err := w.owner.advance(ctx, tx, spans); err != nil {
		return false, err
	}
	if err := tx.Commit(ctx); err != nil {
		return pg.Outage(err), fmt.Errorf("commit: %w", err)
	}
	return false, nil
}

// insert writes the events of one tenant and returns those that are to be parked.
func (w *eventWriter) insert(ctx context.Context, tx pgx.Tx, tenant id.ID, list []*event) (parked []ingest.Envelope, err error) {
	good := make([]*event, 0, len(list))
	for _, e := range list {
		if e.park == nil {
			good = append(good, e)
			continue
		}
		parked = append(parked, ingest.Envelope{
			Tenant: tenant, Origin: origin(e.message), Bytes: e.message.Value, Err: e.park, ScanRun: e.scanRun,
			Hints: map[string]string{
				"event": "true", "tenant": storable(e.tenantName), "message_time": e.message.Time.UTC().Format(time.RFC3339Nano),
			},
		})
	}
	if len(good) == 0 {
		return parked, nil
	}
	return parked, insertEvents(ctx, tx, tenant, good)
}

// insertEvents writes events of one tenant. Arrays instead of COPY: that cannot write to a
// table under row security, and a temporary table between would be written and read once more.
func insertEvents(ctx context.Context, tx pgx.Tx, tenant id.ID, list []*event) error {
	n := len(list)
	runs, times, kinds, payloads, ids := make([]int64, n), make([]time.Time, n), make([]string, n), make([]string, n), make([]id.ID, n)
	for i, e := range list {
		runs[i], times[i], kinds[i], payloads[i], ids[i] = e.scanRun, e.at, e.kind, e.payload, e.id
	}
	if err := pg.SetTenant(ctx, tx, tenant); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sqlInsertEvents,
		tenant, runs, times, kinds, payloads, ids)
	if err != nil {
		return fmt.Errorf("insert %d events: %w", n, err)
	}
	return nil
}
