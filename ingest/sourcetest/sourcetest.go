// Package sourcetest is the contract suite of ingest.Source: every source must pass it.
//
//	func TestContract(t *testing.T) {
//		sourcetest.Run(t, func(t *testing.T, documents [][]byte) sourcetest.Fixture {
//			… put the documents where the source finds them …
//			return sourcetest.Fixture{Pool: pool, Open: open}
//		})
//	}
//
// What it checks is what exactly-once rests on: documents come in order, none is
// passed over, and the position moves in the transaction of the documents or not at all.
package sourcetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/normalize/osv"
)

// Fixture is a source and what belongs to it.
type Fixture struct {
	// Pool writes to a migrated database; see ingest.PoolConfig.
	Pool *pgxpool.Pool
	// Open returns the source, each time as if the process had started again. It ends
	// with the test.
	Open func(t *testing.T) ingest.Source
	// Endless says that Next blocks after the last document instead of returning io.EOF.
	Endless bool
	// Fenced says that opening the source again takes it away from whoever has it open.
	Fenced bool
}

// New puts the documents where a source finds them. The fixtures of one Run may share a
// database, each with a tenant and a position of its own: they are in use at the same time.
type New func(t *testing.T, documents [][]byte) Fixture

// patience is how long a source may take to hand over a document that is there.
const patience = 20 * time.Second

// Run checks the Source contract.
func Run(t *testing.T, fresh New) {
	for _, tc := range []struct {
		name string
		test func(*testing.T, Fixture, [][]byte)
	}{
		{"InOrder", testInOrder},
		{"EndOfContext", testEndOfContext},
		{"RollbackRedelivers", testRollback},
		{"CommitMoves", testCommit},
		{"MovesWithPartOfABatch", testPart},
		{"StopAndGoOn", testStopAndGoOn},
		{"ZombieIsFenced", testFenced},
		{"EveryEnvelopeIsCommittedOnce", testCommitted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			documents := Documents(6)
			tc.test(t, fresh(t, documents), documents)
		})
	}
}

// Documents makes n different documents that every pipeline of the suite accepts.
func Documents(n int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = fmt.Appendf(nil, `{"id": "SUITE-%d", "modified": "2026-01-02T03:04:05Z", "affected": []}`, i)
	}
	return list
}

func testInOrder(t *testing.T, f Fixture, documents [][]byte) {
	src := f.Open(t)
	take(t, src, documents)
	if f.Endless {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if env, err := src.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the last document: %q, %v; want it to block until the context ends", env.Bytes, err)
		}
		return
	}
	for range 2 {
		if env, err := next(t, src); err != io.EOF { //nolint:errorlint // the contract says io.EOF itself
			t.Errorf("after the last document: %q, %v; want io.EOF itself", env.Bytes, err)
		}
	}
}

// testEndOfContext: Next does not block when its context has ended, and does not mistake
// that for the end of the documents.
func testEndOfContext(t *testing.T, f Fixture, documents [][]byte) {
	src := f.Open(t)
	take(t, src, documents[:1])
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 * len(documents) {
		done := make(chan error, 1)
		go func() { _, err := src.Next(ended); done <- err }()
		select {
		case err := <-done:
			if err == nil {
				continue // it had one at hand
			}
			if !errors.Is(err, context.Canceled) && err != io.EOF {
				t.Errorf("Next after the end of its context: %v", err)
			}
			if err == io.EOF && f.Endless {
				t.Error("Next says io.EOF when its context ends")
			}
			return
		case <-time.After(patience):
			t.Fatal("Next blocks although its context has ended")
		}
	}
}

// testRollback: what was not committed comes again, to whoever opens the source next.
func testRollback(t *testing.T, f Fixture, documents [][]byte) {
	src := f.Open(t)
	got := take(t, src, documents[:3])
	undo := errors.New("rolled back by the test")
	err := inTransaction(t, f, got, func(ctx context.Context, tx pgx.Tx) error {
		if err := src.Advance(ctx, tx, got); err != nil {
			return err
		}
		return undo
	})
	if err != undo {
		t.Fatalf("Advance: %v", err)
	}
	// The pipeline tries the same envelopes again, in a new transaction.
	err = inTransaction(t, f, got, func(ctx context.Context, tx pgx.Tx) error {
		if err := src.Advance(ctx, tx, got); err != nil {
			return err
		}
		return undo
	})
	if err != undo {
		t.Fatalf("Advance once more after the rollback: %v", err)
	}
	// And it goes on reading meanwhile.
	take(t, src, documents[3:4])
	take(t, f.Open(t), documents)
}

// testCommit: what was committed does not come again.
func testCommit(t *testing.T, f Fixture, documents [][]byte) {
	src := f.Open(t)
	if outcomes := carry(t, f, &only{Source: src, n: 2}); outcomes[ingest.Accepted] != 2 {
		t.Fatalf("outcomes %v, want 2 accepted", outcomes)
	}
	src = f.Open(t)
	take(t, src, documents[2:])
	// Reading moved nothing: only transactions do.
	take(t, f.Open(t), documents[2:])
	if outcomes := carry(t, f, stopAt(f, f.Open(t), len(documents)-2)); outcomes[ingest.Accepted] != int64(len(documents)-2) {
		t.Fatalf("outcomes %v, want %d accepted", outcomes, len(documents)-2)
	}
	if !f.Endless {
		if env, err := next(t, f.Open(t)); err != io.EOF {
			t.Errorf("everything was committed, but Next gives %q, %v", env.Bytes, err)
		}
	}
}

// testPart: the pipeline cuts a batch that the database refuses, so Advance is called for
// the first part while more has been handed over.
func testPart(t *testing.T, f Fixture, documents [][]byte) {
	src := f.Open(t)
	if outcomes := carry(t, f, &only{Source: &greedy{Source: src, ahead: 4}, n: 2}); outcomes[ingest.Accepted] != 2 {
		t.Fatalf("outcomes %v, want 2 accepted", outcomes)
	}
	take(t, f.Open(t), documents[2:])
}

// testStopAndGoOn: a run that is stopped at any document goes on at the next one.
func testStopAndGoOn(t *testing.T, f Fixture, documents [][]byte) {
	for i := range documents {
		if outcomes := carry(t, f, &only{Source: f.Open(t), n: 1}); outcomes[ingest.Accepted] != 1 || len(outcomes) != 1 {
			t.Fatalf("document %d: outcomes %v, want it accepted", i, outcomes)
		}
	}
	if !f.Endless {
		if outcomes := carry(t, f, f.Open(t)); len(outcomes) != 0 {
			t.Errorf("outcomes %v after everything was stored", outcomes)
		}
	}
}

// testFenced: who was replaced can move nothing any more.
func testFenced(t *testing.T, f Fixture, documents [][]byte) {
	if !f.Fenced {
		t.Skip("this source does not know of other owners")
	}
	old := f.Open(t)
	got := take(t, old, documents[:2])
	take(t, f.Open(t), documents[:1])
	err := inTransaction(t, f, got, func(ctx context.Context, tx pgx.Tx) error { return old.Advance(ctx, tx, got) })
	if !errors.Is(err, ingest.ErrFenced) {
		t.Errorf("Advance of the old owner: %v, want ErrFenced", err)
	}
	pipeline := newPipeline(t, f, nil)
	if err := pipeline.Run(t.Context(), &only{Source: &again{Source: old, list: got}, n: len(got)}); !errors.Is(err, ingest.ErrFenced) {
		t.Errorf("Run of the old owner: %v, want ErrFenced", err)
	}
	if outcomes := carry(t, f, &only{Source: f.Open(t), n: 2}); outcomes[ingest.Accepted] != 2 {
		t.Errorf("the new owner: outcomes %v, want 2 accepted: the old one stored something", outcomes)
	}
}

// testCommitted: Committed and receipts speak of the same documents as Advance, once each.
func testCommitted(t *testing.T, f Fixture, documents [][]byte) {
	w := &watch{Source: stopAt(f, f.Open(t), len(documents)), seen: map[[32]byte]int{}}
	if outcomes := carry(t, f, w); outcomes[ingest.Accepted] != int64(len(documents)) {
		t.Errorf("outcomes %v, want %d accepted", outcomes, len(documents))
	}
	for _, d := range documents {
		if n := w.seen[sha256.Sum256(d)]; n != 1 {
			t.Errorf("%s was committed %d times", d, n)
		}
	}
}

// take reads the documents that must come now.
func take(t *testing.T, src ingest.Source, want [][]byte) []ingest.Envelope {
	t.Helper()
	var got []ingest.Envelope
	for i, w := range want {
		env, err := next(t, src)
		if err != nil {
			t.Fatalf("document %d of %d: %v", i, len(want), err)
		}
		if string(env.Bytes) != string(w) || env.Err != nil {
			t.Fatalf("document %d is %q (%v), want %q", i, env.Bytes, env.Err, w)
		}
		if env.Origin == "" {
			t.Errorf("document %d has no origin", i)
		}
		got = append(got, env)
	}
	return got
}

func next(t *testing.T, src ingest.Source) (ingest.Envelope, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return src.Next(ctx)
}

// inTransaction runs fn as the pipeline runs Advance.
func inTransaction(t *testing.T, f Fixture, done []ingest.Envelope, fn func(context.Context, pgx.Tx) error) error {
	t.Helper()
	return pg.Tenant(t.Context(), f.Pool, done[len(done)-1].Tenant, func(tx pgx.Tx) error { return fn(t.Context(), tx) })
}

func newPipeline(t *testing.T, f Fixture, receive func([]ingest.Receipt)) *ingest.Pipeline {
	t.Helper()
	pipeline, err := ingest.New(f.Pool, ingest.Config{Formats: []normalize.Format{osv.JSON{}}, BatchDocuments: 2, OnReceipts: receive})
	if err != nil {
		t.Fatal(err)
	}
	return pipeline
}

// carry runs a pipeline over the source and counts the outcomes.
func carry(t *testing.T, f Fixture, src ingest.Source) map[ingest.Outcome]int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	outcomes := map[ingest.Outcome]int64{}
	pipeline := newPipeline(t, f, func(list []ingest.Receipt) {
		for _, r := range list {
			outcomes[r.Outcome]++
		}
	})
	if err := pipeline.Run(ctx, src); err != nil {
		t.Fatalf("Run: %v", err)
	}
	return outcomes
}

// stopAt ends an endless source after n documents; others end themselves.
func stopAt(f Fixture, src ingest.Source, n int) ingest.Source {
	if f.Endless {
		return &only{Source: src, n: n}
	}
	return src
}

// only is the first n documents of a source.
type only struct {
	ingest.Source
	n int
}

func (o *only) Next(ctx context.Context) (ingest.Envelope, error) {
	if o.n == 0 {
		return ingest.Envelope{}, io.EOF
	}
	o.n--
	return o.Source.Next(ctx)
}

// greedy has asked for more documents than it hands on.
type greedy struct {
	ingest.Source
	ahead int
	list  []ingest.Envelope
}

func (g *greedy) Next(ctx context.Context) (ingest.Envelope, error) {
	for len(g.list) < g.ahead {
		env, err := g.Source.Next(ctx)
		if err != nil {
			return env, err
		}
		g.list = append(g.list, env)
	}
	env := g.list[0]
	g.list, g.ahead = g.list[1:], g.ahead-1
	return env, nil
}

// again hands over envelopes of a source once more.
type again struct {
	ingest.Source
	list []ingest.Envelope
}

func (a *again) Next(context.Context) (ingest.Envelope, error) {
	env := a.list[0]
	a.list = a.list[1:]
	return env, nil
}

// watch counts what is committed, and compares it with what was advanced.
type watch struct {
	ingest.Source
	mu   sync.Mutex
	seen map[[32]byte]int
}

func (w *watch) Committed(done []ingest.Envelope) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, env := range done {
		w.seen[sha256.Sum256(env.Bytes)]++
	}
	w.Source.Committed(done)
}
