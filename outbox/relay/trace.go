package relay

import (
	"context"

	"sluice/internal/telemetry"
)

// maxSpans bounds the spans of one request: a row may hold hundreds of messages.
const maxSpans = 50

// traceItems begins a span for each message whose trace somebody records: the last step of a
// document's way.
func traceItems(ctx context.Context, topic string, partition int, items []*item) (spans []telemetry.Span) {
	if !telemetry.On() {
		return nil
	}
	for _, it := range items {
		if len(spans) == maxSpans {
			break
		}
		if !telemetry.Sampled(it.Traceparent) {
			continue
		}
		_, s := telemetry.Work{Name: "send", Kind: telemetry.Producer, Parent: it.Traceparent}.Start(ctx)
		s.Set("messaging.system", "kafka")
		s.Set("messaging.destination.name", topic)
		s.Set("messaging.destination.partition.id", partition)
		s.Set("messaging.batch.message_count", len(items))
		s.Set("sluice.message_id", it.ID)
		s.Set("sluice.message_type", it.Type)
		spans = append(spans, s)
	}
	return spans
}
