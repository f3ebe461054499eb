package pg

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics is what a process knows of its own work with the database, by the names of the
// specification (14.1). docs/metrics.md describes them.
type Metrics struct {
	queries, transactions *prometheus.HistogramVec
	slow                  *prometheus.CounterVec
	slowAfter             time.Duration
	active, idle, most    *prometheus.Desc

	mu    sync.Mutex // guards pools
	pools map[*pgxpool.Pool]Role
}

// buckets of statements and transactions, in seconds: from a probe of an index to a time-out.
var buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

// NewMetrics registers the metrics. A statement that takes longer than slowAfter is a slow
// one; default 1 s.
func NewMetrics(reg prometheus.Registerer, slowAfter time.Duration) *Metrics {
	if slowAfter <= 0 {
		slowAfter = time.Second
	}
	m := &Metrics{
		queries: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "postgres_query_duration_seconds", Buckets: buckets,
			Help: "How long statements of this process took, until their last row was read. kind: query, batch (several in one round trip), copy.",
		}, []string{"role", "kind"}),
		transactions: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "postgres_transaction_duration_seconds", Buckets: buckets,
			Help: "How long transactions of this process took, from BEGIN on.",
		}, []string{"role", "end"}),
		slow: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "postgres_slow_queries_total", Help: "Statements of this process that took longer than --slow-query.",
		}, []string{"role"}),
		slowAfter: slowAfter,
		active:    prometheus.NewDesc("postgres_connections_active", "Connections of this process's pools that are in use.", []string{"role"}, nil),
		idle:      prometheus.NewDesc("postgres_connections_idle", "Connections of this process's pools that wait for work.", []string{"role"}, nil),
		most:      prometheus.NewDesc("postgres_connections_limit", "Connections that this process's pools open at most.", []string{"role"}, nil),
		pools:     map[*pgxpool.Pool]Role{},
	}
	reg.MustRegister(m.queries, m.transactions, m.slow, m)
	return m
}

// watch counts the connections of a pool from now on.
func (m *Metrics) watch(role Role, pool *pgxpool.Pool) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pools[pool] = role
	m.slow.WithLabelValues(role.label()) // an alarm sees the first one as a change
}

// Forget counts the connections of a pool no more: it is closed.
func (m *Metrics) Forget(pool *pgxpool.Pool) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pools, pool)
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.active
	out <- m.idle
	out <- m.most
}

// Collect implements prometheus.Collector. It asks the pools, not the database.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	type count struct{ active, idle, most int32 }
	counts := map[Role]count{}
	m.mu.Lock()
	for pool, role := range m.pools {
		st, c := pool.Stat(), counts[role]
		counts[role] = count{c.active + st.AcquiredConns(), c.idle + st.IdleConns(), c.most + st.MaxConns()}
	}
	m.mu.Unlock()
	for _, role := range slices.Sorted(maps.Keys(counts)) {
		c := counts[role]
		out <- prometheus.MustNewConstMetric(m.active, prometheus.GaugeValue, float64(c.active), role.label())
		out <- prometheus.MustNewConstMetric(m.idle, prometheus.GaugeValue, float64(c.idle), role.label())
		out <- prometheus.MustNewConstMetric(m.most, prometheus.GaugeValue, float64(c.most), role.label())
	}
}
