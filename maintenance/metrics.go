package maintenance

import (
	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/telemetry"
)

// metrics tell of every task, whichever process ran it: they come from core.maintenance.
type metrics struct {
	leader                                 prometheus.Gauge
	success, duration, rows, fails, failed *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	vec := func(name, help string) *prometheus.GaugeVec {
		return telemetry.Register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "sluice_maintenance_" + name, Help: help}, []string{"task"}))
	}
	return &metrics{
		leader: telemetry.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_maintenance_leader", Help: "1 where this process runs the tasks of maintenance.",
		})),
		success:  vec("last_success_timestamp_seconds", "When the task succeeded last, as Unix time; 0 for never."),
		duration: vec("duration_seconds", "How long the last run of the task took."),
		rows:     vec("rows", "Rows that the last run that succeeded deleted or changed."),
		fails:    vec("failures", "Failed runs of the task, ever, on any process."),
		failed:   vec("failed", "1 where the last run of the task failed."),
	}
}

func (m *metrics) publish(tasks []Task, known map[string]Status) {
	for _, t := range tasks {
		s := known[t.Name]
		at := 0.0
		if s.LastSuccess != nil {
			at = float64(s.LastSuccess.UnixMilli()) / 1000
		}
		m.success.WithLabelValues(t.Name).Set(at)
		m.duration.WithLabelValues(t.Name).Set(float64(s.DurationMS) / 1000)
		m.rows.WithLabelValues(t.Name).Set(float64(s.Rows))
		m.fails.WithLabelValues(t.Name).Set(float64(s.Failures))
		bad := 0.0
		if s.LastError != "" {
			bad = 1
		}
		m.failed.WithLabelValues(t.Name).Set(bad)
	}
}
