package ingest

import (
	"context"
	"fmt"
	"log/slog"
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

// normalize makes the document of the bytes once more.
func (t *storedTask) normalize(cfg *Config) error {
	head, err := detect.Scan(t.env.Bytes, cfg.Limits)
	if err != nil {
		return err
	}
	if t.format, err = detect.Detect(head, cfg.Formats); err != nil {
		return err
	}
	t.doc, err = t.format.Normalize(normalize.Input{Bytes: t.env.Bytes, Head: head, Limits: cfg.Limits})
	if err != nil {
		return err
	}
	for _, w := range head.Warnings {
		t.doc.Warn(w.Code, w.Pointer, "%s", w.Message)
	}
	t.doc.Kind = t.env.Kind // an SBOM may have been taken for the VEX in it
	if t.json = t.doc.JSON; t.json == nil {
		t.json = detect.Strip(t.env.Bytes)
	}
	return nil
}

// readAgain is read for what is stored: nothing that was decided then is decided again.
func (t *storedTask) readAgain(cfg *Config) error {
	if err := t.normalize(cfg); err != nil {
		return err
	}
	if len(t.doc.Statements) > 0 {
		if err := t.knowMeaning(); err != nil {
			return err
		}
	}
	if t.doc.Kind != normalize.Vuln {
		if t.artifact.purl == "" || t.row != 0 {
			if t.row != 0 && (t.artifact.from == "given" || t.artifact.from == fromSubject) {
				t.env.Artifact = t.artifact.purl
			}
			if err := t.findArtifact(); err != nil {
				return err
			}
		}
		t.statements = newStatements(&t.task)
		t.env.Bytes, t.json = nil, nil
	}
	return nil
}
