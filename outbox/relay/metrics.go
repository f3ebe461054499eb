package relay

import (
	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/telemetry"
)

// metrics are labelled with the topic's name in Kafka.
type metrics struct {
	leader, known          prometheus.Gauge
	pending, oldest        *prometheus.GaugeVec
	sent, failed, tooLarge *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	labels := []string{"topic"}
	return &metrics{
		leader: telemetry.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_outbox_leader", Help: "1 where this relay is the one that sends.",
		})),
		known: telemetry.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_outbox_pending_known", Help: "1 where this relay sends and the database answers, else 0; then what waits has no value here.",
		})),
		pending: telemetry.Register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_outbox_pending_rows", Help: "Rows that wait to be sent, counted up to 100000; known to the relay that sends.",
		}, labels)),
		oldest: telemetry.Register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_outbox_oldest_pending_seconds", Help: "Age of the oldest row that waits to be sent.",
		}, labels)),
		sent: telemetry.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_outbox_sent_messages_total", Help: "Messages that the brokers acknowledged.",
		}, labels)),
		failed: telemetry.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_outbox_failed_requests_total", Help: "Requests that the brokers refused or did not answer; each is tried again.",
		}, labels)),
		tooLarge: telemetry.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_outbox_too_large_messages_total", Help: "Messages that were shortened because the topic takes none as large.",
		}, labels)),
	}
}
