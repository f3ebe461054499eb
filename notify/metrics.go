package notify

import (
	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/telemetry"
)

type metrics struct {
	leader, waiting, failed prometheus.Gauge
	messages                *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	return &metrics{
		leader: telemetry.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_notify_leader", Help: "1 where this process sends notifications.",
		})),
		waiting: telemetry.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_notify_waiting_messages", Help: "Notifications that wait to be sent, counted up to 10000; known to the process that sends.",
		})),
		failed: telemetry.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_notify_failed_messages", Help: "Notifications that were given up and are kept, counted up to 10000; known to the process that sends.",
		})),
		messages: telemetry.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_notify_attempts_total", Help: "Attempts to send a notification, by what came of them: sent, retried, failed.",
		}, []string{"outcome"})),
	}
}
