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
	table, index, rows, documents *prometheus.Desc
}

func (t *tableDescs) declare(s *set) {
	t.table = s.gauge("postgres_table_size_bytes", "Size of a table without its indexes, of all its partitions, with what is stored out of line.", "table")
	t.index = s.gauge("postgres_index_size_bytes", "Size of an index, of all partitions.", "table", "index")
	t.rows = s.gauge("sluice_table_rows", "Rows of a table, of all its partitions, by the server's statistics: an estimate.", "table")
	t.documents = s.gauge("sluice_documents_stored", "Documents that are stored, by the server's statistics: an estimate.", "kind")
}

// documents are the tables that hold a row per document. Vulnerability records have one of an
// original: what is no SBOM and no VEX document.
var documents = map[string]string{"ingest.sbom_document": "sbom", "vex.vex_document": "vex", "ingest.original": "vuln"}

func (f *Figures) lookAtTables(ctx context.Context, conn *pgx.Conn) (look, error) {
	rows, err := conn.Query(ctx, sqlTables, schemas)
	if err != nil {
		return nil, err
	}
	var l look
	stored := map[string]float64{}
	var table, index string
	var bytes, count float64
	_, err = pgx.ForEachRow(rows, []any{&table, &index, &bytes, &count}, func() error {
		if index != "" {
			l.gauge(f.table.index, bytes, table, index)
			return nil
		}
		l.gauge(f.table.table, bytes, table)
		l.gauge(f.table.rows, count, table)
		if kind, ok := documents[table]; ok {
			stored[kind] = count
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	stored["vuln"] = max(0, stored["vuln"]-stored["sbom"]-stored["vex"])
	for kind, n := range stored {
		l.gauge(f.table.documents, n, kind)
	}
	return l, nil
}
