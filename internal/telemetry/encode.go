package telemetry

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resources "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	traces "go.opentelemetry.io/proto/slim/otlp/trace/v1"
)

// request is what a collector gets. All spans of a process have one resource and one scope.
func request(spans []sdk.ReadOnlySpan) *collector.ExportTraceServiceRequest {
	if len(spans) == 0 {
		return &collector.ExportTraceServiceRequest{}
	}
	list := make([]*traces.Span, len(spans))
	for i, s := range spans {
		list[i] = span(s)
	}
	scope := spans[0].InstrumentationScope()
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*traces.ResourceSpans{{
		Resource:   ofResource(spans[0].Resource()),
		SchemaUrl:  spans[0].Resource().SchemaURL(),
		ScopeSpans: []*traces.ScopeSpans{{Scope: &common.InstrumentationScope{Name: scope.Name, Version: scope.Version}, Spans: list}},
	}}}
}

func ofResource(r *resource.Resource) *resources.Resource {
	return &resources.Resource{Attributes: attributes(r.Attributes())}
}

func span(s sdk.ReadOnlySpan) *traces.Span {
	sc := s.SpanContext()
	traceID, spanID := sc.TraceID(), sc.SpanID()
	out := &traces.Span{
		TraceId: traceID[:], SpanId: spanID[:], TraceState: sc.TraceState().String(), Flags: flags(sc, s.Parent()),
		Name: valid(s.Name()), Kind: kind(s.SpanKind()),
		StartTimeUnixNano: uint64(max(0, s.StartTime().UnixNano())), EndTimeUnixNano: uint64(max(0, s.EndTime().UnixNano())),
		Attributes: attributes(s.Attributes()), DroppedAttributesCount: uint32(s.DroppedAttributes()),
		DroppedEventsCount: uint32(s.DroppedEvents()), DroppedLinksCount: uint32(s.DroppedLinks()),
		Status: status(s.Status()),
	}
	if parent := s.Parent().SpanID(); parent.IsValid() {
		out.ParentSpanId = parent[:]
	}
	for _, e := range s.Events() {
		out.Events = append(out.Events, &traces.Span_Event{
			TimeUnixNano: uint64(max(0, e.Time.UnixNano())), Name: e.Name, Attributes: attributes(e.Attributes), DroppedAttributesCount: uint32(e.DroppedAttributeCount),
		})
	}
	for _, l := range s.Links() {
		t, id := l.SpanContext.TraceID(), l.SpanContext.SpanID()
		out.Links = append(out.Links, &traces.Span_Link{
			TraceId: t[:], SpanId: id[:], TraceState: l.SpanContext.TraceState().String(), Flags: flags(l.SpanContext, l.SpanContext),
			Attributes: attributes(l.Attributes), DroppedAttributesCount: uint32(l.DroppedAttributeCount),
		})
	}
	return out
}

// flags are those of the trace context, and whether the parent is of another process.
func flags(sc, parent trace.SpanContext) uint32 {
	f := uint32(sc.TraceFlags()) | uint32(traces.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)
	if parent.IsRemote() {
		f |= uint32(traces.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	}
	return f
}

func kind(k trace.SpanKind) traces.Span_SpanKind {
	switch k {
	case trace.SpanKindConsumer:
		return traces.Span_SPAN_KIND_CONSUMER
	case trace.SpanKindProducer:
		return traces.Span_SPAN_KIND_PRODUCER
	case trace.SpanKindClient:
		return traces.Span_SPAN_KIND_CLIENT
	case trace.SpanKindServer:
		return traces.Span_SPAN_KIND_SERVER
	}
	return traces.Span_SPAN_KIND_INTERNAL
}

func status(s sdk.Status) *traces.Status {
	if s.Code == codes.Error {
		return &traces.Status{Code: traces.Status_STATUS_CODE_ERROR, Message: valid(s.Description)}
	}
	return &traces.Status{}
}

func attributes(list []attribute.KeyValue) []*common.KeyValue {
	out := make([]*common.KeyValue, len(list))
	for i, a := range list {
		out[i] = &common.KeyValue{Key: string(a.Key), Value: value(a.Value)}
	}
	return out
}

func value(v attribute.Value) *common.AnyValue {
	switch v.Type() {
	case attribute.BOOL:
		return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: v.AsBool()}}
	case attribute.INT64:
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v.AsInt64()}}
	case attribute.FLOAT64:
		return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: v.AsFloat64()}}
	case attribute.STRINGSLICE:
		list := &common.ArrayValue{}
		for _, s := range v.AsStringSlice() {
			list.Values = append(list.Values, &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: valid(s)}})
		}
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: list}}
	case attribute.STRING:
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: valid(v.AsString())}}
	}
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: valid(v.String())}}
}

// valid is text as protobuf can hold it: one bad byte would cost all spans of a request.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
