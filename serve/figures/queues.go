package figures

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/id"
)

// queueDescs are the figures of the queues: jobs, what is parked, the outbox.
type queueDescs struct {
	ready, retrying, givenUp, oldest, leased, lag, parked, outbox, outboxOldest, tenantJobs, tenantParked *prometheus.Desc
}

func (q *queueDescs) declare(s *set) {
	q.ready = s.gauge("sluice_jobs_ready", "Projection jobs that wait for a worker, counted up to 10000.", "kind")
	q.retrying = s.gauge("sluice_jobs_retrying", "Projection jobs that failed and wait for their next try, counted up to 10000.", "kind")
	q.givenUp = s.gauge("sluice_jobs_given_up", "Projection jobs that failed too often; `sluice jobs list --all-tenants` names them.", "kind")
	q.oldest = s.gauge("sluice_jobs_oldest_ready_seconds", "How long the job that has waited longest has been ready; 0 without one.", "kind")
	q.leased = s.gauge("sluice_jobs_leased", "Projection jobs in the hands of workers, counted up to 10000.")
	q.lag = s.gauge("sluice_projection_lag_seconds", "How far findings are behind: the age of the oldest job that is ready or in a worker's hands; 0 without one.")
	q.parked = s.gauge("sluice_parked_documents", "Documents that are parked now, counted up to 10000 each.", "reason")
	q.outbox = s.gauge("sluice_outbox_backlog_rows", "Rows of the outbox that wait to be sent, counted up to 10000.", "topic")
	q.outboxOldest = s.gauge("sluice_outbox_backlog_oldest_seconds", "Age of the oldest of them; 0 without one.", "topic")
	q.tenantJobs = s.gauge("sluice_tenant_jobs", "Projection jobs of a tenant in nobody's hands, counted up to 1000; `other` has what the named ones leave of the sum.", "tenant")
	q.tenantParked = s.gauge("sluice_tenant_parked_documents", "Parked documents of a tenant, counted up to 1000; `other` has what the named ones leave of the sum.", "tenant")
}

// counted are the numbers of one look, by figure and label.
type counted map[string]map[string]float64

func (c counted) sum(figures ...string) (n float64) {
	for _, f := range figures {
		for _, v := range c[f] {
			n += v
		}
	}
	return n
}

func (c counted) greatest(figures ...string) (n float64) {
	for _, f := range figures {
		for _, v := range c[f] {
			n = max(n, v)
		}
	}
	return n
}

func (f *Figures) lookAtQueues(ctx context.Context, conn *pgx.Conn) (look, error) {
	rows, err := conn.Query(ctx, `select figure, label, value from core.figures($1)`, f.cfg.Tenants.most)
	if err != nil {
		return nil, err
	}
	got := counted{}
	var figure, label string
	var value float64
	_, err = pgx.ForEachRow(rows, []any{&figure, &label, &value}, func() error {
		if got[figure] == nil {
			got[figure] = map[string]float64{}
		}
		got[figure][label] = value
		return nil
	})
	if err != nil {
		return nil, err
	}
	var l look
	q := f.queue
	l.each(q.ready, got["jobs_ready"], f.cfg.Kinds)
	l.each(q.retrying, got["jobs_retrying"], f.cfg.Kinds)
	l.each(q.givenUp, got["jobs_given_up"], f.cfg.Kinds)
	l.each(q.oldest, got["jobs_oldest"], f.cfg.Kinds)
	l.each(q.parked, got["parked"], f.cfg.Reasons)
	l.each(q.outbox, got["outbox"], f.cfg.Topics)
	l.each(q.outboxOldest, got["outbox_oldest"], f.cfg.Topics)
	l.gauge(q.leased, got.sum("jobs_leased"))
	l.gauge(q.lag, got.greatest("jobs_oldest", "jobs_oldest_leased"))
	f.tenants(&l, got)
	return l, nil
}

// most bounds the values of a label, should the database hold what no program of ours wrote.
const most = 100

// each adds a value for each label that there is, and 0 for those of all that there are not.
func (l *look) each(d *prometheus.Desc, values map[string]float64, all []string) {
	named := map[string]bool{}
	for _, label := range all {
		named[label] = true
		l.gauge(d, values[label], label)
	}
	other := 0.0
	for label, v := range values {
		switch {
		case named[label]:
		case len(named) < most:
			named[label] = true
			l.gauge(d, v, strings.ToValidUTF8(label, "?"))
		default:
			other += v
		}
	}
	if other > 0 {
		l.gauge(d, other, Other)
	}
}

// tenants adds the figures of the tenants with names, and what is left for the others.
func (f *Figures) tenants(l *look, got counted) {
	names := map[id.ID]string{}
	for label := range got["tenant_jobs"] {
		tenant, name, _ := strings.Cut(label, " ")
		t, err := id.Parse(tenant)
		if err != nil || name == Other { // one that is really called so is among them
			delete(got["tenant_jobs"], label)
			delete(got["tenant_parked"], label)
			continue
		}
		names[t] = name
		l.gauge(f.queue.tenantJobs, got["tenant_jobs"][label], name)
		l.gauge(f.queue.tenantParked, got["tenant_parked"][label], name)
	}
	f.cfg.Tenants.set(names)
	l.gauge(f.queue.tenantJobs, max(0, got.sum("jobs_ready", "jobs_retrying", "jobs_given_up")-got.sum("tenant_jobs")), Other)
	l.gauge(f.queue.tenantParked, max(0, got.sum("parked")-got.sum("tenant_parked")), Other)
}
