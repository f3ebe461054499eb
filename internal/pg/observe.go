package pg

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/sqltext"
	"sluice/internal/telemetry"
)

// label is what a role is called in metrics.
func (r Role) label() string { return strings.TrimPrefix(string(r), "sluice_") }

// observer times what the connections of one role do, and makes spans of it within traces
// that are recorded.
type observer struct {
	role    string
	metrics *Metrics // nil: traces only
	kinds   map[string]prometheus.Observer
	slow    prometheus.Counter
}

// newObserver returns nil where nobody wants to know.
func newObserver(role Role, m *Metrics) *observer {
	if m == nil && !telemetry.On() {
		return nil
	}
	o := &observer{role: role.label(), metrics: m}
	if m != nil {
		o.kinds = map[string]prometheus.Observer{}
		for _, kind := range []string{inQuery, inBatch, inCopy} {
			o.kinds[kind] = m.queries.WithLabelValues(o.role, kind)
		}
		o.slow = m.slow.WithLabelValues(o.role)
	}
	return o
}

// Kinds of work.
const (
	inQuery = "query"
	inBatch = "batch"
	inCopy  = "copy"
)

// observed is one piece of work that is under way.
type observed struct {
	kind  string
	sql   string
	began time.Time
	span  telemetry.Span
}

type observedKey struct{}

// begin is the start of a piece of work. Spans are made only within a trace that is recorded:
// what belongs to nobody's work, such as polling, is no trace.
func (o *observer) begin(ctx context.Context, kind, sql string) context.Context {
	w := &observed{kind: kind, began: time.Now(), sql: sql}
	if telemetry.Current(ctx).Recorded() {
		name := "statements" // of a batch, as pgx calls it; ours are of documents
		if sql != "" {
			name = sqltext.Name(sql)
		}
		ctx, w.span = telemetry.Work{Name: name, Kind: telemetry.Client, Began: w.began}.Start(ctx)
		w.span.Set("db.system.name", "postgresql")
		w.span.Set("sluice.role", o.role)
	}
	return context.WithValue(ctx, observedKey{}, w)
}

// end is its end.
func (o *observer) end(ctx context.Context, conn *pgx.Conn, tag pgconn.CommandTag, err error) {
	w, ok := ctx.Value(observedKey{}).(*observed)
	if !ok {
		return
	}
	if tag.String() != "" {
		w.span.Set("sluice.rows", tag.RowsAffected())
	}
	w.span.End(err)
	if o.metrics == nil {
		return
	}
	took := time.Since(w.began)
	telemetry.Observe(ctx, o.kinds[w.kind], took.Seconds())
	if took > o.metrics.slowAfter {
		o.slow.Inc()
	}
	if w.kind == inQuery {
		o.transaction(ctx, conn, w, tag, err)
	}
}

// beganKey is where a connection keeps the time of its BEGIN.
const beganKey = "sluice.began"

// transaction times transactions. pgx opens and ends them by statements of one word.
func (o *observer) transaction(ctx context.Context, conn *pgx.Conn, w *observed, tag pgconn.CommandTag, err error) {
	data := conn.PgConn().CustomData()
	switch w.sql {
	case "begin":
		if err == nil {
			data[beganKey] = w.began
		}
	case "commit", "rollback":
		began, ok := data[beganKey].(time.Time)
		if !ok {
			return
		}
		delete(data, beganKey)
		end := w.sql
		switch {
		case tag.String() == "ROLLBACK":
			end = "rollback" // also of a COMMIT, after an error
		case err != nil:
			end = "lost" // the answer did not come
		}
		telemetry.Observe(ctx, o.metrics.transactions.WithLabelValues(o.role, end), time.Since(began).Seconds())
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (o *observer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	return o.begin(ctx, inQuery, d.SQL)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (o *observer) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, d pgx.TraceQueryEndData) {
	o.end(ctx, conn, d.CommandTag, d.Err)
}

// TraceBatchStart implements pgx.BatchTracer.
func (o *observer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	ctx = o.begin(ctx, inBatch, "")
	if w, ok := ctx.Value(observedKey{}).(*observed); ok && d.Batch != nil {
		w.span.Set("db.operation.batch.size", d.Batch.Len())
	}
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer: what the server took for one of them is not known.
func (o *observer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (o *observer) TraceBatchEnd(ctx context.Context, conn *pgx.Conn, d pgx.TraceBatchEndData) {
	o.end(ctx, conn, pgconn.CommandTag{}, d.Err)
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (o *observer) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceCopyFromStartData) context.Context {
	return o.begin(ctx, inCopy, "copy "+strings.Join(d.TableName, "."))
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (o *observer) TraceCopyFromEnd(ctx context.Context, conn *pgx.Conn, d pgx.TraceCopyFromEndData) {
	o.end(ctx, conn, d.CommandTag, d.Err)
}
