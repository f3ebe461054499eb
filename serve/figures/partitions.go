package figures

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// partitionDescs are the figures by which partitions raise their alarms.
type partitionDescs struct {
	ahead, seconds, behind, pending, alarms, success, bytes, rows *prometheus.Desc
}

func (p *partitionDescs) declare(s *set) {
	gauge := func(name, help string) *prometheus.Desc { return s.gauge("sluice_partitions_"+name, help, "table") }
	p.ahead = gauge("ahead", "Partitions after the present one, without a gap.")
	p.seconds = gauge("ahead_seconds", "How long what is covered reaches from now.")
	p.behind = gauge("behind", "Partitions before the present one.")
	p.pending = gauge("pending_detach", "Partitions whose detach waits to be finished.")
	p.alarms = gauge("alarms", "Reasons for somebody to look; `sluice partitions status` names them.")
	p.success = gauge("last_success_timestamp_seconds", "When a pass last succeeded, as Unix time; 0: never.")
	p.bytes = gauge("bytes", "Size of the table with its indexes.")
	p.rows = gauge("rows", "Rows, as estimated by the statistics.")
}

func (f *Figures) lookAtPartitions(ctx context.Context, conn *pgx.Conn) (look, error) {
	list, err := f.cfg.Partitions(ctx, conn)
	if err != nil {
		return nil, err
	}
	var l look
	p := f.partition
	for _, t := range list {
		l.gauge(p.ahead, t.Ahead, t.Table)
		l.gauge(p.seconds, t.AheadSeconds, t.Table)
		l.gauge(p.behind, t.Behind, t.Table)
		l.gauge(p.pending, t.Pending, t.Table)
		l.gauge(p.alarms, t.Alarms, t.Table)
		l.gauge(p.success, t.LastSuccess, t.Table)
		l.gauge(p.bytes, t.Bytes, t.Table)
		l.gauge(p.rows, t.Rows, t.Table)
	}
	return l, nil
}
