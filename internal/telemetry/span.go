package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// tracer makes the spans; nil: tracing is off.
var tracer atomic.Pointer[trace.Tracer]

// On reports whether traces are made at all.
func On() bool { return tracer.Load() != nil }

// Span is a piece of work in a trace. The zero value belongs to none: its methods do nothing.
type Span struct{ s trace.Span }

// Kind says on which side of a message the work is.
type Kind int

// The kinds.
const (
	Internal Kind = iota
	Consumer      // takes a message
	Producer      // sends one
	Client        // asks another system
)

// Work describes a span that is to begin.
type Work struct {
	Name string
	Kind Kind
	// Parent is the traceparent of what the work belongs to; empty or not understood: the span
	// of the context, and where there is none either, a trace of its own.
	Parent string
	// Links are traceparents of other traces that the work serves too.
	Links []string
	// Began is when the work began, if not now.
	Began time.Time
}

// Start begins a span below that of ctx.
func Start(ctx context.Context, name string) (context.Context, Span) {
	t := tracer.Load()
	if t == nil {
		return ctx, Span{}
	}
	ctx, s := (*t).Start(ctx, name)
	return ctx, Span{s}
}

// Start begins the span. Of work whose trace is not recorded the span records nothing, but
// has its place in the trace all the same.
func (w Work) Start(ctx context.Context) (context.Context, Span) {
	t := tracer.Load()
	if t == nil {
		return ctx, Span{}
	}
	if sc := parse(w.Parent); sc.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, sc)
	}
	opts := make([]trace.SpanStartOption, 0, 3)
	if w.Kind != Internal {
		opts = append(opts, trace.WithSpanKind(map[Kind]trace.SpanKind{
			Consumer: trace.SpanKindConsumer, Producer: trace.SpanKindProducer, Client: trace.SpanKindClient,
		}[w.Kind]))
	}
	if !w.Began.IsZero() {
		opts = append(opts, trace.WithTimestamp(w.Began))
	}
	if len(w.Links) > 0 {
		links := make([]trace.Link, 0, len(w.Links))
		for _, l := range w.Links {
			if sc := parse(l); sc.IsValid() {
				links = append(links, trace.Link{SpanContext: sc})
			}
		}
		opts = append(opts, trace.WithLinks(links...))
	}
	ctx, s := (*t).Start(ctx, w.Name, opts...)
	return ctx, Span{s}
}

// Current is the span of a context.
func Current(ctx context.Context) Span {
	if !On() {
		return Span{}
	}
	return Span{trace.SpanFromContext(ctx)}
}

// With is ctx with the span as its own.
func (s Span) With(ctx context.Context) context.Context {
	if s.s == nil {
		return ctx
	}
	return trace.ContextWithSpan(ctx, s.s)
}

// Recorded reports whether anybody will see the span.
func (s Span) Recorded() bool { return s.s != nil && s.s.IsRecording() }

// Set notes something about the work. value is text, a number, a truth or a list of texts.
func (s Span) Set(key string, value any) {
	if !s.Recorded() {
		return
	}
	k := attribute.Key(key)
	switch v := value.(type) {
	case string:
		s.s.SetAttributes(k.String(valid(v)))
	case int:
		s.s.SetAttributes(k.Int(v))
	case int64:
		s.s.SetAttributes(k.Int64(v))
	case float64:
		s.s.SetAttributes(k.Float64(v))
	case bool:
		s.s.SetAttributes(k.Bool(v))
	case []string:
		list := make([]string, len(v))
		for i, text := range v {
			list[i] = valid(text)
		}
		s.s.SetAttributes(k.StringSlice(list))
	default:
		s.s.SetAttributes(k.String(valid(fmt.Sprint(v))))
	}
}

// valid is text as protobuf can hold it: one bad byte would cost all spans of a request.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// Link ties the span to another trace that it serves.
func (s Span) Link(traceparent string) {
	if sc := parse(traceparent); s.Recorded() && sc.IsValid() {
		s.s.AddLink(trace.Link{SpanContext: sc})
	}
}

// Fail notes that the work failed; nil is no failure.
func (s Span) Fail(err error) {
	if err != nil && s.Recorded() {
		s.s.SetStatus(codes.Error, valid(err.Error()))
	}
}

// End ends the work, with its error where it has one.
func (s Span) End(err error) {
	if s.s != nil {
		s.Fail(err)
		s.s.End()
	}
}

// Traceparent is what work below this span names as its parent; empty outside of a trace.
func (s Span) Traceparent() string {
	if s.s == nil {
		return ""
	}
	sc := s.s.SpanContext()
	if !sc.IsValid() {
		return ""
	}
	return fmt.Sprintf("00-%s-%s-%s", sc.TraceID(), sc.SpanID(), sc.TraceFlags())
}

// parse reads a traceparent; what is none is no trace, as the standard has it.
func parse(traceparent string) trace.SpanContext {
	if traceparent == "" {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": traceparent})
	return trace.SpanContextFromContext(ctx)
}

// Sampled reports whether a traceparent is one, of a trace that somebody records.
func Sampled(traceparent string) bool { return On() && parse(traceparent).IsSampled() }

// Exemplar are the labels by which a value of a metric leads to the trace of ctx; nil where
// nobody records one.
func Exemplar(ctx context.Context) prometheus.Labels {
	if !On() {
		return nil
	}
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsSampled() {
		return nil
	}
	return prometheus.Labels{"trace_id": sc.TraceID().String(), "span_id": sc.SpanID().String()}
}

// Observe adds a value to a histogram, with the trace of ctx as its example.
func Observe(ctx context.Context, o prometheus.Observer, value float64) {
	if labels := Exemplar(ctx); labels != nil {
		if e, ok := o.(prometheus.ExemplarObserver); ok {
			e.ObserveWithExemplar(value, labels)
			return
		}
	}
	o.Observe(value)
}

// handler adds the ids of the trace to what is logged with its context.
type handler struct{ slog.Handler }

// LogHandler returns h with the ids of the trace added where there is one: trace_id, span_id.
func LogHandler(h slog.Handler) slog.Handler { return handler{h} }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if On() {
		if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
			r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
