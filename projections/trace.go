package projections

import (
	"context"
	"encoding/json"
	"time"

	"sluice/internal/id"
	"sluice/internal/queue"
	"sluice/internal/telemetry"
)

// How many traces one projection is tied to, and in how many it has a span of its own.
const (
	maxLinks = 100
	maxSpans = 32
)

// traces are the spans of one projection. Its jobs came from documents, each with a trace:
// with one trace among them the projection is within that; with several it has its own, is
// tied to each, and has a place in the first of them too.
type traces struct {
	span  telemetry.Span            // of the projection
	spans map[string]telemetry.Span // its place in other traces, by the traceparent of their jobs
	of    map[id.ID]string          // traceparent of the job about an artifact or a document
}

// traceJobs begins the spans of a projection.
func traceJobs(ctx context.Context, lease queue.Lease) (context.Context, *traces) {
	if !telemetry.On() {
		return ctx, nil
	}
	t := &traces{spans: map[string]telemetry.Span{}, of: map[id.ID]string{}}
	var links []string
	known := map[string]bool{}
	for _, job := range lease.Jobs {
		var p struct {
			Trace    string `json:"trace"`
			Artifact id.ID  `json:"artifact"`
			Document id.ID  `json:"document"`
		}
		if json.Unmarshal(job.Payload, &p) != nil || p.Trace == "" {
			continue
		}
		for _, about := range []id.ID{p.Artifact, p.Document} {
			if about != (id.ID{}) {
				t.of[about] = p.Trace
			}
		}
		if !known[p.Trace] && len(links) < maxLinks {
			known[p.Trace] = true
			links = append(links, p.Trace)
		}
	}
	work := telemetry.Work{Name: "project", Kind: telemetry.Consumer, Links: links}
	if len(links) == 1 {
		work.Parent, work.Links = links[0], nil
	}
	ctx, t.span = work.Start(ctx)
	t.span.Set("sluice.tenant", lease.Tenant.String())
	t.span.Set("sluice.jobs", len(lease.Jobs))
	if len(links) > 1 {
		now := time.Now()
		for _, l := range links[:min(len(links), maxSpans)] {
			_, t.spans[l] = telemetry.Work{Name: "project", Kind: telemetry.Consumer, Parent: l, Began: now, Links: []string{t.span.Traceparent()}}.Start(context.Background())
		}
	}
	return context.WithValue(ctx, tracesKey{}, t), t
}

type tracesKey struct{}

// tracesOf are those of the projection that ctx belongs to; nil: nobody makes any.
func tracesOf(ctx context.Context) *traces {
	t, _ := ctx.Value(tracesKey{}).(*traces)
	return t
}

func (t *traces) end(err error) {
	if t == nil {
		return
	}
	for _, s := range t.spans {
		s.End(err)
	}
	t.span.End(err)
}

// about is the traceparent of what follows for an artifact: in the trace of the document that
// asked for it, else in the projection's own. Empty where nobody records it.
func (t *traces) about(artifact id.ID) string {
	if t == nil {
		return ""
	}
	span := t.span
	if trace, ok := t.of[artifact]; ok {
		if own, ok := t.spans[trace]; ok {
			span = own
		}
	}
	if !span.Recorded() {
		return ""
	}
	return span.Traceparent()
}
