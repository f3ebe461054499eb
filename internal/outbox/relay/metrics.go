package relay

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are labelled with the topic's name in Kafka.
type metrics struct {
	leader                 prometheus.Gauge
	pending, oldest        *prometheus.GaugeVec
	sent, failed, tooLarge *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	labels := []string{"topic"}
	return &metrics{
		leader: register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_outbox_leader", Help: "1 where this relay is the one that sends.",
		})),
		pending: register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_outbox_pending_rows", Help: "Rows that wait to be sent, counted up to 100000; known to the relay that sends.",
		}, labels)),
		oldest: register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sluice_outbox_oldest_pending_seconds", Help: "Age of the oldest row that waits to be sent.",
		}, labels)),
		sent: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_outbox_sent_messages_total", Help: "Messages that the brokers acknowledged.",
		}, labels)),
		failed: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_outbox_failed_requests_total", Help: "Requests that the brokers refused or did not answer; each is tried again.",
		}, labels)),
		tooLarge: register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_outbox_too_large_messages_total", Help: "Messages that were shortened because the topic takes none as large.",
		}, labels)),
	}
}

// register uses what another relay of this process registered.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	if reg == nil {
		return c
	}
	var already prometheus.AlreadyRegisteredError
	if err := reg.Register(c); errors.As(err, &already) {
		if same, ok := already.ExistingCollector.(C); ok {
			return same
		}
	}
	return c
}
