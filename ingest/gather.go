package ingest

import (
	"context"
	"fmt"
	"io"
	"time"
)

// fetch asks the source for envelopes until it has no more. A nil task says that there is
// no room for the next one until what was gathered is stored.
func (p *Pipeline) fetch(ctx context.Context, src Source, out chan<- *task) error {
	put := func(t *task) bool {
		select {
		case out <- t:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for {
		var env Envelope
		over := false
		err := p.insist(ctx, func() (err error) {
			env, err = src.Next(ctx)
			over = err == io.EOF // itself, not wrapped: a connection may end with one too
			if over {
				return nil
			}
			return err
		})
		switch {
		case ctx.Err() != nil || over:
			return nil
		case err != nil:
			return fmt.Errorf("read source: %w", err)
		}
		p.cfg.checkSeal(&env)
		// Before it takes room: what is known to wait must not keep it from others.
		for wait := p.closed.closed(env.Tenant); wait > 0 && ctx.Err() == nil; wait = p.closed.closed(env.Tenant) {
			if !put(nil) {
				return nil
			}
			pause(ctx, wait)
		}
		weight := p.weight(env)
		if !p.bytes.TryAcquire(weight) {
			if !put(nil) || p.bytes.Acquire(ctx, weight) != nil {
				return nil // stopping
			}
		}
		p.held.Add(weight)
		p.count.Add(1)
		if t := newTask(env); !put(t) {
			p.release(t)
			return nil
		}
	}
}

// gatherer makes batches of tasks, by bytes, count and time.
type gatherer struct {
	p     *Pipeline
	order *order
	out   chan<- *batch
	due   *time.Timer
	b     *batch // under construction
}

// gather makes batches until tasks is closed, and reports whether it got that far. When
// ctx ends it gives up what it has: nothing of it was stored, so all of it comes again.
func (p *Pipeline) gather(ctx context.Context, tasks <-chan *task, order *order, out chan<- *batch) bool {
	g := &gatherer{p: p, order: order, out: out, due: time.NewTimer(time.Hour), b: &batch{}}
	defer func() { p.release(g.b.tasks...) }()
	defer g.due.Stop()
	for going := true; going; {
		select {
		case t, ok := <-tasks:
			switch {
			case !ok:
				return g.send(ctx)
			case t == nil:
				going = g.send(ctx)
			default:
				going = g.add(ctx, t)
			}
		case <-g.due.C:
			if len(g.b.tasks) > 0 && p.busy(g.b) {
				g.due.Reset(p.cfg.BatchWait / 4) // it would only wait elsewhere: let it grow
				continue
			}
			going = g.send(ctx)
		case <-ctx.Done():
			going = false
		}
	}
	return false
}

// add puts a task into the batch, and sends the batch before that or after it where it is full.
func (g *gatherer) add(ctx context.Context, t *task) bool {
	size, going := int64(len(t.env.Bytes)), true
	if g.b.bytes+size > int64(g.p.pace.Size()) {
		going = g.send(ctx)
	}
	if len(g.b.tasks) == 0 {
		g.due.Reset(g.p.cfg.BatchWait)
	}
	g.b.tasks, g.b.bytes = append(g.b.tasks, t), g.b.bytes+size
	if going && g.p.full(g.b) {
		going = g.send(ctx)
	}
	return going
}

// send hands the batch, if there is one, to whoever carries it. False: stopping.
func (g *gatherer) send(ctx context.Context) bool {
	if len(g.b.tasks) == 0 {
		return true
	}
	g.b.slot = g.order.enter(g.b.tasks)
	select {
	case g.out <- g.b:
		g.b = &batch{}
		return true
	case <-ctx.Done():
		g.order.leave(g.b.slot)
		return false
	}
}
