package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/detect"
)

// Remade is what is to be projected again after documents were read again, beside the
// documents themselves.
type Remade struct {
	Streams  []Stream // whose documents list something else, or are about another artifact
	Packages []id.ID  // that records find in another way than before, or by other records
	Records  []string // external ids of records, as they were and as they are
	Names    []string // what those spoke of
}

// Stream is a stream of an artifact.
type Stream struct {
	Artifact id.ID
	Stream   string
}

// rereadBytes bounds the originals that are held at once, but for a single larger one.
const rereadBytes = 32 << 20

// Reread makes what stored documents say again from their originals, in tx: what an older
// program left out or read otherwise is then as if it had come today. These are the statements
// of VEX and SBOMs, what SBOMs list and are about, and the records of a feed. What was decided when
// a document came stays: the artifact given with it, its stream, the time that stood in for a missing
// one, and which documents it repeats. cfg says how documents are read: Formats, Limits and Logger.
//
// It works for whoever may read originals and write what is made of them: the projector,
// whose job it is to look at what is returned, and at the findings afterwards.
func Reread(ctx context.Context, tx pgx.Tx, tenant id.ID, documents []id.ID, cfg Config) (Remade, error) {
	var all Remade
	cfg.Limits = cfg.Limits.OrDefault()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := stageAgain(ctx, tx); err != nil {
		return all, err
	}
	rows, err := tx.Query(ctx, sqlSizes, tenant, documents)
	if err != nil {
		return all, fmt.Errorf("sizes of %d documents: %w", len(documents), err)
	}
	var some []id.ID
	var held int64
	var chunks [][]id.ID
	var document id.ID
	var size int64
	_, err = pgx.ForEachRow(rows, []any{&document, &size}, func() error {
		if len(some) > 0 && held+size > rereadBytes {
			chunks, some, held = append(chunks, some), nil, 0
		}
		some, held = append(some, document), held+size
		return nil
	})
	if err != nil {
		return all, fmt.Errorf("sizes of %d documents: %w", len(documents), err)
	}
	for _, chunk := range append(chunks, some) {
		if err := all.read(ctx, tx, tenant, chunk, &cfg); err != nil {
			return all, err
		}
	}
	return all, nil
}

// stageAgain makes the temporary tables of the connection, unless it has them.
func stageAgain(ctx context.Context, tx pgx.Tx) error {
	var there bool
	err := tx.QueryRow(ctx, `select to_regclass('pg_temp.t_again') is not null`).Scan(&there)
	if err == nil && !there {
		_, err = tx.Conn().PgConn().Exec(ctx, sqlStaging+sqlStageStatement+sqlStageAgain).ReadAll()
	}
	if err != nil {
		return fmt.Errorf("temporary tables: %w", err)
	}
	return nil
}

// read reads some documents again.
func (m *Remade) read(ctx context.Context, tx pgx.Tx, tenant id.ID, documents []id.ID, cfg *Config) error {
	if len(documents) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, sqlReread, tenant, documents)
	if err != nil {
		return fmt.Errorf("originals of %d documents: %w", len(documents), err)
	}
	stored, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*storedTask, error) { return scanStored(row, tenant) })
	if err != nil {
		return fmt.Errorf("originals of %d documents: %w", len(documents), err)
	}
	again := newRemake(tenant)
	for _, t := range stored {
		if err := t.readAgain(cfg); err != nil {
			// It was read once. What was made of it then is better than nothing.
			cfg.Logger.Warn("a stored document cannot be read any more; what was made of it stays as it is", "tenant", tenant, "origin", t.env.Origin, "error", err)
			continue
		}
		again.add(t)
	}
	return again.write(ctx, tx, m)
}

// storedTask is a task of a document that is stored.
type storedTask struct {
	task
	row int64 // sbom_document.id; 0 for other kinds
}

func scanStored(row pgx.CollectableRow, tenant id.ID) (*storedTask, error) {
	t := &storedTask{task: task{doc: &normalize.Document{}}}
	t.env.Tenant = tenant
	var hash, meaning, bytes []byte
	var encoding string
	var size int64
	var artifact *id.ID
	var at *time.Time
	err := row.Scan(&t.documentID, &hash, &t.env.Kind, &size, &encoding, &bytes, &t.env.Origin, &t.env.ScanRun, &t.row,
		&artifact, &t.artifact.purl, &t.artifact.from, &t.env.Stream, &meaning, &at)
	if err != nil {
		return nil, err
	}
	copy(t.hash[:], hash)
	copy(t.meaning[:], meaning)
	if artifact != nil {
		t.artifact.id = *artifact
		if t.artifact.purl == "" {
			t.artifact.purl = "given" // with the document; no SBOM of it was stored
		}
	}
	if at != nil {
		t.time = *at
	}
	t.env.Bytes, err = Expand(encoding, bytes, size)
	return t, err
}

// readAgain is read for what is stored: nothing that was decided then is decided again.
func (t *storedTask) readAgain(cfg *Config) error {
	head, err := detect.Scan(t.env.Bytes, cfg.Limits)
	if err != nil {
		return err
	}
	format, err := detect.Detect(head, cfg.Formats)
	if err != nil {
		return err
	}
	t.doc, err = format.Normalize(normalize.Input{Bytes: t.env.Bytes, Head: head, Limits: cfg.Limits})
	if err != nil {
		return err
	}
	for _, w := range head.Warnings {
		t.doc.Warn(w.Code, w.Pointer, "%s", w.Message)
	}
	t.doc.Kind = t.env.Kind // an SBOM may have been taken for the VEX in it
	if t.json = t.doc.JSON; t.json == nil && t.doc.Kind == normalize.Vuln {
		t.json = detect.Strip(t.env.Bytes)
	}
	if t.doc.Kind != normalize.Vuln {
		if t.artifact.purl == "" || t.row != 0 {
			if t.row != 0 && t.artifact.from == "given" {
				t.env.Artifact = t.artifact.purl
			}
			if err := t.findArtifact(); err != nil {
				return err
			}
		}
		t.statements = newStatements(&t.task)
		t.env.Bytes = nil
	}
	return nil
}

// remake collects what is written again.
type remake struct {
	tenant   id.ID
	rows     *rows
	said     []id.ID // documents with statements
	facts    []id.ID
	undated  map[id.ID]int // records without a time of their own, and their rows of t_fact
	sboms    [][]any       // rows of t_again
	hashes   [][]byte      // of all documents, for their warnings
	warnings []*string
}

func newRemake(tenant id.ID) *remake {
	return &remake{tenant: tenant, rows: newRows(newPackageCache(1), ""), undated: map[id.ID]int{}}
}

func (a *remake) add(t *storedTask) {
	switch t.doc.Kind {
	case normalize.Vuln:
		first := len(a.rows.tables[inFact])
		a.rows.addFacts(&t.task)
		for i, row := range a.rows.tables[inFact][first:] {
			fact := row[factID].(id.ID)
			a.facts = append(a.facts, fact)
			if row[factModified] == nil {
				a.undated[fact] = first + i
			}
		}
	case normalize.SBOM:
		if t.row != 0 {
			inv := newInventory(a.tenant, t.doc)
			for _, p := range inv.packages {
				a.rows.addPackage(p)
			}
			a.rows.put(inArtifact, t.artifact.id, t.artifact.purl, t.artifact.nameKey)
			a.sboms = append(a.sboms, []any{
				t.documentID, t.row, t.artifact.id, t.artifact.purl, t.artifact.from, len(t.doc.Components), inv.packageIDs, toJSON(inv.unmatched),
			})
		}
		fallthrough
	default:
		a.said = append(a.said, t.documentID)
		a.rows.addStatements(&t.task)
	}
	var warnings *string
	if len(t.doc.Warnings) > 0 {
		text := toJSON(t.doc.Warnings)
		warnings = &text
	}
	a.hashes, a.warnings = append(a.hashes, t.hash[:]), append(a.warnings, warnings)
	t.env.Bytes, t.doc = nil, nil
}

// Columns of t_fact.
var (
	factID       = slices.Index(staging[inFact].columns, "id")
	factExternal = slices.Index(staging[inFact].columns, "external_id")
	factModified = slices.Index(staging[inFact].columns, "modified")
)

// write replaces the rows, and notes in m what is to be looked at.
func (a *remake) write(ctx context.Context, tx pgx.Tx, m *Remade) error {
	// Who asked for this projects it: the jobs of an import would do it once more.
	a.rows.tables[inJob], a.rows.facts = nil, nil
	if err := a.factsBefore(ctx, tx, m); err != nil {
		return err
	}
	if err := a.rows.copyStaged(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"t_again"},
		[]string{"document_id", "sbom_document_id", "artifact_id", "artifact_purl", "artifact_from", "component_count", "package_ids", "unmatched"}, pgx.CopyFromRows(a.sboms)); err != nil {
		return fmt.Errorf("copy %d rows into t_again: %w", len(a.sboms), err)
	}
	if err := a.forget(ctx, tx, m); err != nil {
		return err
	}
	if err := a.packages(ctx, tx, m); err != nil {
		return fmt.Errorf("packages: %w", err)
	}
	if _, err := tx.Exec(ctx, sqlRemakeArtifacts, a.tenant); err != nil {
		return fmt.Errorf("artifacts: %w", err)
	}
	for i, s := range staging {
		if len(a.rows.tables[i]) == 0 {
			continue
		}
		if _, err := tx.Exec(ctx, s.insert, a.tenant); err != nil {
			return fmt.Errorf("insert from %s: %w", s.table, err)
		}
	}
	if err := m.addStreams(ctx, tx, sqlRemakeSBOMs, a.tenant); err != nil {
		return fmt.Errorf("SBOMs: %w", err)
	}
	if _, err := tx.Exec(ctx, sqlNoteWarnings, a.tenant, a.hashes, a.warnings); err != nil {
		return fmt.Errorf("warnings: %w", err)
	}
	return a.clear(ctx, tx)
}

// factsBefore finds what is known of the records only from their rows.
func (a *remake) factsBefore(ctx context.Context, tx pgx.Tx, m *Remade) error {
	if len(a.facts) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, sqlFactsAgain, a.tenant, a.facts)
	if err != nil {
		return fmt.Errorf("stored records: %w", err)
	}
	var fact id.ID
	var modified *time.Time
	var packages []id.ID
	_, err = pgx.ForEachRow(rows, []any{&fact, &modified, &packages}, func() error {
		if row, ok := a.undated[fact]; ok && modified != nil {
			a.rows.tables[inFact][row][factModified] = *modified // of the message or file that it came with
		}
		m.Packages = append(m.Packages, packages...)
		return nil
	})
	if err != nil {
		return fmt.Errorf("stored records: %w", err)
	}
	for _, row := range a.rows.tables[inFact] {
		m.Records = append(m.Records, row[factExternal].(string))
	}
	return nil
}

// forget deletes what is made again.
func (a *remake) forget(ctx context.Context, tx pgx.Tx, m *Remade) error {
	if _, err := tx.Exec(ctx, sqlForgetSaid, a.tenant, a.said); err != nil {
		return fmt.Errorf("statements of %d documents: %w", len(a.said), err)
	}
	rows, err := tx.Query(ctx, sqlForgetFacts, a.tenant, a.facts)
	if err != nil {
		return fmt.Errorf("%d stored records: %w", len(a.facts), err)
	}
	var isRecord bool
	var name string
	_, err = pgx.ForEachRow(rows, []any{&isRecord, &name}, func() error {
		if isRecord {
			m.Records = append(m.Records, name)
		}
		m.Names = append(m.Names, name)
		return nil
	})
	if err != nil {
		return fmt.Errorf("%d stored records: %w", len(a.facts), err)
	}
	return nil
}

// clear empties the temporary tables for the next documents of the transaction.
func (a *remake) clear(ctx context.Context, tx pgx.Tx) error {
	batch := &pgx.Batch{}
	batch.Queue("delete from t_again")
	for i, s := range staging {
		if len(a.rows.tables[i]) > 0 {
			batch.Queue("delete from " + s.table)
		}
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("empty the temporary tables: %w", err)
	}
	return nil
}

// packages brings packages to what they are found by now.
func (a *remake) packages(ctx context.Context, tx pgx.Tx, m *Remade) error {
	rows, err := tx.Query(ctx, sqlRemakePackages, a.tenant)
	if err != nil {
		return err
	}
	changed, err := pgx.CollectRows(rows, pgx.RowTo[id.ID])
	if err != nil || len(changed) == 0 {
		return err
	}
	m.Packages = append(m.Packages, changed...)
	return m.addStreams(ctx, tx, sqlRestartStreams, a.tenant, changed)
}

// addStreams adds the streams that a statement returns.
func (m *Remade) addStreams(ctx context.Context, tx pgx.Tx, sql string, args ...any) error {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	m.Streams, err = pgx.AppendRows(m.Streams, rows, pgx.RowToStructByPos[Stream])
	return err
}
