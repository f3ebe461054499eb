package figures

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// databaseDescs are the server's own counters.
type databaseDescs struct {
	hitRatio, hit, read, backends, limit, transactions, deadlocks, temporary, age, documents *prometheus.Desc
}

func (d *databaseDescs) declare(s *set) {
	d.hitRatio = s.gauge("postgres_cache_hit_ratio", "Part of the blocks that were in PostgreSQL's cache, since its statistics began; for a period use the two counters of blocks.")
	d.hit = s.gauge("postgres_blocks_hit_total", "Blocks that were in PostgreSQL's cache.")
	d.read = s.gauge("postgres_blocks_read_total", "Blocks that were not, and came from the operating system.")
	d.backends = s.gauge("postgres_backends", "Connections to the database, of anybody.")
	d.limit = s.gauge("postgres_backends_limit", "Connections that the server takes (max_connections).")
	d.transactions = s.gauge("postgres_transactions_total", "Transactions of anybody by how they ended.", "end")
	d.deadlocks = s.gauge("postgres_deadlocks_total", "Deadlocks that the server broke.")
	d.temporary = s.gauge("postgres_temporary_bytes_total", "Bytes that sorts and hashes wrote to temporary files.")
	d.documents = s.gauge("sluice_documents_stored", "Documents that are stored, by the server's statistics: an estimate.", "kind")
	d.age = s.gauge("postgres_transaction_id_age", "Age of the oldest transaction id that is not frozen; the server stops taking writes at about 2100000000.")
}

func (f *Figures) lookAtDatabase(ctx context.Context, conn *pgx.Conn) (look, error) {
	var backends, limit, commits, rollbacks, hit, read, deadlocks, temporary, age float64
	var stored []float64 // of any kind, SBOMs, VEX documents
	err := conn.QueryRow(ctx, sqlDatabase).Scan(&backends, &limit, &commits, &rollbacks, &hit, &read, &deadlocks, &temporary, &age, &stored)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errNoRow
	}
	if err != nil {
		return nil, err
	}
	var l look
	d := f.server
	ratio := 1.0 // nothing was asked for, so nothing was missed
	if hit+read > 0 {
		ratio = hit / (hit + read)
	}
	l.gauge(d.hitRatio, ratio)
	l.counter(d.hit, hit)
	l.counter(d.read, read)
	l.gauge(d.backends, backends)
	l.gauge(d.limit, limit)
	l.counter(d.transactions, commits, "commit")
	l.counter(d.transactions, rollbacks, "rollback")
	l.counter(d.deadlocks, deadlocks)
	l.counter(d.temporary, temporary)
	l.gauge(d.age, age)
	l.gauge(d.documents, stored[1], "sbom")
	l.gauge(d.documents, stored[2], "vex")
	l.gauge(d.documents, max(0, stored[0]-stored[1]-stored[2]), "vuln")
	return l, nil
}
