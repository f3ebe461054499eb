package ingest

import (
	"context"
	"errors"
	"time"

	"sluice/internal/telemetry"
)

// How many documents of a batch have a span of their own where their sender has none for
// them, and how many senders' traces one batch is tied to. Beyond that the batch stands for
// them: a backfill of a thousand documents per batch is one trace, and costs one.
const (
	maxDocumentSpans = 50
	maxLinks         = 100
)

// errNotStored: the batch was given up; the documents come again.
var errNotStored = errors.New("not stored")

// traceBatch begins the spans of a batch: one of the batch, and those of its documents. A
// document whose sender has a trace stays in that one, and both point at each other; alone in
// its batch it has the batch within it.
func (p *Pipeline) traceBatch(ctx context.Context, b *batch) (context.Context, telemetry.Span) {
	if !telemetry.On() {
		return ctx, telemetry.Span{}
	}
	var links []string
	for _, t := range b.tasks {
		if t.env.Traceparent == "" {
			continue
		}
		_, t.span = telemetry.Work{Name: "document", Kind: telemetry.Consumer, Parent: t.env.Traceparent, Began: t.received}.Start(ctx)
		if t.span.Recorded() && len(links) < maxLinks {
			links = append(links, t.span.Traceparent())
		}
	}
	alone := len(b.tasks) == 1 && len(links) == 1
	if alone {
		ctx, links = b.tasks[0].span.With(ctx), nil
	}
	ctx, span := telemetry.Work{Name: "batch", Kind: telemetry.Consumer, Links: links, Began: b.tasks[0].received}.Start(ctx)
	span.Set("sluice.documents", len(b.tasks))
	span.Set("sluice.bytes", b.bytes)
	span.Set("sluice.source", p.cfg.Source)
	trace := span.Traceparent()
	named := 0
	for _, t := range b.tasks {
		switch {
		case t.span.Recorded():
			t.own = !alone
			if t.own {
				t.span.Link(trace)
			}
		case t.env.Traceparent == "" && span.Recorded() && named < maxDocumentSpans:
			_, t.span = telemetry.Work{Name: "document", Began: t.received}.Start(ctx)
			named++
		}
		switch {
		case t.span.Recorded():
			t.trace = t.span.Traceparent()
		case t.env.Traceparent == "" && span.Recorded():
			t.trace = trace
		}
	}
	return ctx, span
}

// traceStored ends the spans of documents that are durable; began is when the transaction
// did that stored them.
func (p *Pipeline) traceStored(ctx context.Context, tasks []*task, began time.Time) {
	if !telemetry.On() {
		return
	}
	batch := telemetry.Current(ctx).Traceparent()
	for _, t := range tasks {
		if !t.span.Recorded() {
			continue
		}
		if t.own {
			// In the sender's trace the transaction has its place too.
			_, s := telemetry.Work{Name: "transaction", Parent: t.trace, Began: began, Links: []string{batch}}.Start(context.Background())
			s.Set("sluice.documents", len(tasks))
			s.End(nil)
		}
		r := t.receipt()
		t.span.Set("sluice.outcome", string(r.Outcome))
		t.span.Set("sluice.origin", r.Origin)
		t.span.Set("sluice.tenant", t.env.Tenant.String())
		t.span.Set("sluice.document_id", r.DocumentID)
		t.span.Set("sluice.content_hash", r.ContentHash)
		t.span.Set("sluice.format", r.Format)
		t.span.Set("sluice.bytes", r.Bytes)
		t.span.Set("sluice.scan_run", r.ScanRun)
		t.span.Set("sluice.reading_ms", float64(t.reading)/float64(time.Millisecond))
		var err error
		if r.Outcome == Parked {
			t.span.Set("sluice.reason", r.Reason)
			err = errors.New("parked: " + r.Reason)
		}
		t.span.End(err)
		t.span = telemetry.Span{}
	}
}

// traceEnd ends what is still open when a batch is given up.
func traceEnd(span telemetry.Span, tasks []*task, err error) {
	for _, t := range tasks {
		t.span.End(errNotStored)
		t.span = telemetry.Span{}
	}
	span.End(err)
}

// traceparent is what the receipt of a document, and what follows from it, name as the
// trace that they belong to: the document's span, or what its sender gave.
func (t *task) traceparent() string {
	if t.trace != "" {
		return t.trace
	}
	return t.env.Traceparent
}
