package ingest

import (
	"context"
	"slices"
	"sync"

	"sluice/internal/id"
)

// order keeps batches that run side by side from meeting: a batch waits for the
// earlier ones that carry the same bytes or the same stream. So the result of a
// parallel run is the one that the sequence would have had, and which of two equal
// documents is stored does not depend on the scheduler.
type order struct {
	mu     sync.Mutex
	active []*slot // in the order of the source
}

// slot is one batch in the sequence.
type slot struct {
	documents map[documentKey]bool
	streams   map[streamKey]bool
	read      chan struct{} // closed once streams is known
	left      chan struct{} // closed when the batch is stored or given up
	readOnce  sync.Once
}

type documentKey struct {
	tenant id.ID
	hash   [32]byte
}

func newOrder() *order { return &order{} }

// enter gives a batch its place in the sequence.
func (o *order) enter(tasks []*task) *slot {
	s := &slot{documents: map[documentKey]bool{}, read: make(chan struct{}), left: make(chan struct{})}
	for _, t := range tasks {
		s.documents[documentKey{t.env.Tenant, t.hash}] = true
	}
	o.mu.Lock()
	o.active = append(o.active, s)
	o.mu.Unlock()
	return s
}

// leave ends the batch's part; those that wait for it go on.
func (o *order) leave(s *slot) {
	o.mu.Lock()
	if i := slices.Index(o.active, s); i >= 0 {
		o.active = slices.Delete(o.active, i, i+1)
	}
	o.mu.Unlock()
	s.readOnce.Do(func() { close(s.read) })
	close(s.left)
}

func (o *order) earlier(s *slot) []*slot {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.active[:max(0, slices.Index(o.active, s))])
}

// awaitDocuments waits for the earlier batches that carry a document of this one.
func (o *order) awaitDocuments(ctx context.Context, s *slot) error {
	for _, e := range o.earlier(s) {
		for k := range s.documents {
			if e.documents[k] {
				if err := await(ctx, e.left); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

// awaitStreams waits for the earlier batches that write to a stream of this one.
func (o *order) awaitStreams(ctx context.Context, s *slot, tasks []*task) error {
	streams := map[streamKey]bool{}
	for _, t := range tasks {
		if t.doc != nil && t.artifact.purl != "" {
			streams[t.streamKey()] = true
		}
	}
	s.streams = streams
	s.readOnce.Do(func() { close(s.read) })
	for _, e := range o.earlier(s) {
		if err := await(ctx, e.read); err != nil {
			return err
		}
		for k := range streams {
			if e.streams[k] {
				if err := await(ctx, e.left); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
