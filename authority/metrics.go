package authority

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/ask"
	"sluice/internal/telemetry"
)

// metrics count who was let in.
type metrics struct{ decisions *prometheus.CounterVec }

func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{telemetry.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_access_decisions_total", Help: "Requests with a credential, by what was decided.",
	}, []string{"outcome"}))}
	for _, outcome := range []string{"admitted", "refused", "lacking", "failed"} {
		m.decisions.WithLabelValues(outcome) // 0 is said too: somebody may wait for the first
	}
	return m
}

func (m metrics) count(err error) {
	var refused *RefusedError
	var lacking *MissingError
	var wrong *ask.WrongError
	switch {
	case err == nil:
		m.decisions.WithLabelValues("admitted").Inc()
	case errors.As(err, &refused):
		m.decisions.WithLabelValues("refused").Inc()
	case errors.As(err, &lacking), errors.As(err, &wrong):
		m.decisions.WithLabelValues("lacking").Inc()
	default:
		m.decisions.WithLabelValues("failed").Inc()
	}
}
