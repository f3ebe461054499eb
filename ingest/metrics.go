package ingest

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/id"
	"sluice/internal/telemetry"
	"sluice/normalize"
)

// Metrics are those of every pipeline of a process. docs/metrics.md describes them.
type Metrics struct {
	documents, parked, byTenant, batches *prometheus.CounterVec
	size, bytes, duration                *prometheus.HistogramVec
	tenant                               func(id.ID) string
}

// NewMetrics registers them. tenant names a tenant as a label: its values have to be few.
func NewMetrics(reg prometheus.Registerer, tenant func(id.ID) string) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return telemetry.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "sluice", Name: name, Help: help}, labels))
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return telemetry.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "sluice", Name: name, Help: help, Buckets: buckets}, []string{"source"}))
	}
	m := &Metrics{
		documents: counter("documents_total", "Documents that this process took, by where they came from and what became of them.", "source", "outcome"),
		parked:    counter("documents_parked_total", "Documents that this process parked, by the reason.", "source", "reason"),
		byTenant:  counter("tenant_documents_total", "Documents that this process took, by tenant and what became of them.", "tenant", "outcome"),
		batches:   counter("ingest_batches_total", "Batches of documents that became durable: transactions that were committed.", "source"),
		size:      histogram("ingest_batch_documents", "Documents of a batch.", prometheus.ExponentialBuckets(1, 4, 6)),
		bytes:     histogram("ingest_batch_bytes", "Bytes of the documents of a batch.", prometheus.ExponentialBuckets(1<<10, 8, 6)),
		duration:  histogram("ingest_batch_duration_seconds", "How long a batch took from being complete to durable, with everything that was tried again.", prometheus.ExponentialBuckets(.002, 2.5, 12)),
		tenant:    tenant,
	}
	return m
}

// outcomes are all of them.
var outcomes = []Outcome{Accepted, Duplicate, Unchanged, Parked}

// Source makes the values of a source 0 that have none yet: an alarm sees the first parked
// document as a change.
func (m *Metrics) Source(source string) {
	for _, o := range outcomes {
		m.documents.WithLabelValues(source, string(o))
	}
	for _, r := range normalize.Reasons {
		m.parked.WithLabelValues(source, r)
	}
	m.batches.WithLabelValues(source)
	m.size.WithLabelValues(source)
	m.bytes.WithLabelValues(source)
	m.duration.WithLabelValues(source)
}

// batch counts what became durable together.
func (m *Metrics) batch(ctx context.Context, source string, tasks []*task, took time.Duration) {
	if m == nil {
		return
	}
	bytes := int64(0)
	for _, t := range tasks {
		bytes += int64(len(t.env.Bytes))
		m.documents.WithLabelValues(source, string(t.outcome)).Inc()
		m.byTenant.WithLabelValues(m.tenant(t.env.Tenant), string(t.outcome)).Inc()
		if t.outcome == Parked {
			m.parked.WithLabelValues(source, t.park.Reason).Inc()
		}
	}
	m.batches.WithLabelValues(source).Inc()
	m.size.WithLabelValues(source).Observe(float64(len(tasks)))
	m.bytes.WithLabelValues(source).Observe(float64(bytes))
	telemetry.Observe(ctx, m.duration.WithLabelValues(source), took.Seconds())
}
