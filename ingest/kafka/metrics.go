package kafka

import (
	"github.com/prometheus/client_golang/prometheus"

	"sluice/ingest"
	"sluice/internal/telemetry"
)

// metrics of a consumer. docs/kafka.md describes them.
type metrics struct {
	known        *prometheus.GaugeVec
	lag          *prometheus.GaugeVec
	stored       *prometheus.GaugeVec
	oldest       *prometheus.GaugeVec
	aborted      *prometheus.CounterVec
	deferred     *prometheus.GaugeVec
	oldestAside  *prometheus.GaugeVec
	documents    *prometheus.CounterVec
	events       *prometheus.CounterVec
	batches      *prometheus.CounterVec
	gaps         *prometheus.CounterVec
	ahead        *prometheus.CounterVec
	fenced       prometheus.Counter
	rebalances   prometheus.Counter
	brokerErrors prometheus.Counter
	partitions   prometheus.Gauge
	paused       prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	const ns, sub = "sluice", "kafka"
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return telemetry.Register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: ns, Subsystem: sub, Name: name, Help: help}, labels))
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Subsystem: sub, Name: name, Help: help}, labels))
	}
	return &metrics{
		known:     gauge("lag_known", "1 while the broker answers and the place in the database is known, else 0; then lag and age have no value.", "topic", "partition"),
		lag:       gauge("lag_messages", "Messages of a topic partition that are not stored yet, those of open transactions too.", "topic", "partition"),
		stored:    gauge("stored_offset", "Offset of the first message of a topic partition that is not stored yet; where there is lag and it stands still, the topic partition is stuck.", "topic", "partition"),
		oldest:    gauge("oldest_message_age_seconds", "Age of the newest message that is stored, while there are later ones; 0 without lag.", "topic", "partition"),
		aborted:   counter("aborted_messages_total", "Messages that were passed over because their transaction was aborted.", "topic"),
		deferred:  gauge("deferred_messages", "Messages of the group that wait beside their topic partition for their document; no value while the database does not answer."),
		documents: counter("documents_total", "Documents by what became of them.", "outcome", "reason"),
		events:    counter("events_total", "Events of the events topic by what became of them.", "outcome"),
		batches:   counter("batches_total", "Transactions that were committed.", "lane"),
		ahead:     counter("ahead_documents_total", "Documents that were taken out of the backlog of another tenant.", "topic"),
		gaps:      counter("gaps_total", "Places where offsets were missing.", "topic", "reason"),

		oldestAside:  gauge("deferred_oldest_seconds", "How long the oldest of them has waited."),
		fenced:       counter("fenced_total", "Batches rolled back because another process had taken the topic partition over.").WithLabelValues(),
		rebalances:   counter("rebalances_total", "Generations of the group that this process was a member of.").WithLabelValues(),
		brokerErrors: counter("broker_errors_total", "Failed requests to brokers; they are tried again.").WithLabelValues(),
		partitions:   gauge("assigned_partitions", "Topic partitions that this process reads.").WithLabelValues(),
		paused:       gauge("paused_partitions", "Topic partitions that wait after a failure that is not theirs.").WithLabelValues(),
	}
}

func (m *metrics) receipts(list []ingest.Receipt) {
	for _, r := range list {
		reason := ""
		if r.Outcome == ingest.Parked {
			reason = r.Reason
		}
		m.documents.WithLabelValues(string(r.Outcome), reason).Inc()
	}
}
