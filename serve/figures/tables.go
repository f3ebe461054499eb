package figures

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// schemas are those whose tables are ours.
var schemas = []string{"ingest", "vex", "unknowns", "artifact", "core", "authority", "routing"}

// tableDescs are the figures of tables; the first two by the names of the specification (14.1).
type tableDescs struct {
	table, index, rows *prometheus.Desc
}

func (t *tableDescs) declare(s *set) {
	t.table = s.gauge("postgres_table_size_bytes", "Size of a table without its indexes, of all its partitions, with what is stored out of line.", "table")
	t.index = s.gauge("postgres_index_size_bytes", "Size of an index, of all partitions.", "table", "index")
	t.rows = s.gauge("sluice_table_rows", "Rows of a table, of all its partitions, by the server's statistics: an estimate.", "table")
}

func (f *Figures) lookAtTables(ctx context.Context, conn *pgx.Conn) (look, error) {
	rows, err := conn.Query(ctx, sqlTables, schemas)
	if err != nil {
		return nil, err
	}
	var l look
	var table, index string
	var bytes, count float64
	_, err = pgx.ForEachRow(rows, []any{&table, &index, &bytes, &count}, func() error {
		if index != "" {
			l.gauge(f.table.index, bytes, table, index)
			return nil
		}
		l.gauge(f.table.table, bytes, table)
		l.gauge(f.table.rows, count, table)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}
