package figures

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// snapshot is a collector of values that were looked up together. They stay until the next look.
type snapshot struct {
	descs  []*prometheus.Desc
	mu     sync.Mutex
	values []prometheus.Metric
}

// gauge declares a metric of the snapshot.
func (s *snapshot) gauge(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc(name, help, labels, nil)
	s.descs = append(s.descs, d)
	return d
}

// Describe implements prometheus.Collector.
func (s *snapshot) Describe(out chan<- *prometheus.Desc) {
	for _, d := range s.descs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s *snapshot) Collect(out chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.values {
		out <- v
	}
}

func (s *snapshot) set(values []prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = values
}

// look is a list of values in the making.
type look []prometheus.Metric

func (l *look) gauge(d *prometheus.Desc, value float64, labels ...string) {
	*l = append(*l, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...))
}

func (l *look) counter(d *prometheus.Desc, value float64, labels ...string) {
	*l = append(*l, prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...))
}

// set is what is looked up together, how often, and whether the last look succeeded.
type set struct {
	snapshot
	name  string
	every time.Duration
	due   time.Time
	known prometheus.Gauge
	at    prometheus.Gauge
}
