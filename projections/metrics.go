package projections

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/queue"
	"sluice/internal/telemetry"
)

// Metrics are those of every worker of a process. docs/metrics.md describes them.
type Metrics struct {
	jobs, findings, statements *prometheus.CounterVec
	conflicts                  prometheus.Counter
	size, duration             prometheus.Observer
	delay                      prometheus.Histogram
}

// NewMetrics registers them.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return telemetry.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "sluice", Name: name, Help: help}, labels))
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return telemetry.Register(reg, prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "sluice", Name: name, Help: help, Buckets: buckets}))
	}
	m := &Metrics{
		jobs:       counter("projection_jobs_total", "Projection jobs by what became of them: done; failed (put off with the error, or given up).", "kind", "outcome"),
		findings:   counter("findings_changes_total", "Findings that changed: opened, closed, reopened, suppressed, renamed, changed.", "change"),
		statements: counter("vex_statements_total", "VEX statements by the outcome that they got: applied, superseded, ended, waiting, unreadable.", "outcome"),
		conflicts: telemetry.Register(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_vex_conflicts_total", Help: "VEX statements that lost against another statement or decision about the same finding.",
		})),
		size:     histogram("projection_batch_jobs", "Jobs of a projection.", prometheus.ExponentialBuckets(1, 4, 7)),
		duration: histogram("projection_batch_duration_seconds", "How long a projection took, with its transaction.", prometheus.ExponentialBuckets(.002, 2.5, 12)),
		delay:    histogram("projection_delay_seconds", "From when an SBOM was stored until findings showed it.", prometheus.ExponentialBuckets(.01, 3, 13)),
	}
	for _, kind := range Kinds {
		for _, outcome := range []string{"done", "failed"} {
			m.jobs.WithLabelValues(kind, outcome)
		}
	}
	for _, change := range []string{"opened", "closed", "reopened", "suppressed", "renamed", "changed"} {
		m.findings.WithLabelValues(change)
	}
	for _, outcome := range []string{"applied", "superseded", "ended", "waiting", "unreadable"} {
		m.statements.WithLabelValues(outcome)
	}
	return m
}

// batch counts a batch that is committed.
func (m *Metrics) batch(b *batch) {
	if m == nil {
		return
	}
	for k, t := range b.tally {
		if change, ok := strings.CutPrefix(k.event, findingsEvent); ok {
			m.findings.WithLabelValues(change).Add(float64(t.count))
		}
		if outcome, ok := strings.CutPrefix(k.event, statementEvent); ok {
			m.statements.WithLabelValues(outcome).Add(float64(t.count))
			if outcome == outcomeSuperseded {
				m.conflicts.Add(float64(t.count))
			}
		}
	}
	for _, d := range b.runs.current {
		m.delay.Observe(max(0, time.Since(d.StoredAt).Seconds()))
	}
}

// done counts the jobs of a lease, cut or whole, that are finished.
func (m *Metrics) done(ctx context.Context, lease queue.Lease, took time.Duration) {
	if m == nil {
		return
	}
	for _, job := range lease.Jobs {
		m.jobs.WithLabelValues(m.kind(job.Kind), "done").Inc()
	}
	m.size.Observe(float64(len(lease.Jobs)))
	telemetry.Observe(ctx, m.duration, took.Seconds())
}

func (m *Metrics) failed(job queue.Job) {
	if m != nil {
		m.jobs.WithLabelValues(m.kind(job.Kind), "failed").Inc()
	}
}

// kind is a kind of job as a label: what only a newer program knows has none.
func (m *Metrics) kind(kind string) string {
	for _, k := range Kinds {
		if k == kind {
			return kind
		}
	}
	return "unknown"
}
