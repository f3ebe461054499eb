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

// Reread makes the statements of stored documents again from their originals, in tx: what an
// older program left out or read otherwise is then as if it had come today. What else was
// found out when a document came (its artifact, its stream, the time that stood in for a missing
// one) stays. cfg says how documents are read: Formats, Limits and Logger.
//
// It works for whoever may read originals and write statements: the projector, whose job it
// is to look at the findings afterwards.
func Reread(ctx context.Context, tx pgx.Tx, tenant id.ID, documents []id.ID, cfg Config) error {
	cfg.Limits = cfg.Limits.OrDefault()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if _, err := tx.Exec(ctx, sqlStageStatement); err != nil {
		return fmt.Errorf("temporary table: %w", err)
	}
	const some = 50 // their bytes are held at once
	for len(documents) > 0 {
		n := min(some, len(documents))
		if err := reread(ctx, tx, tenant, documents[:n], &cfg); err != nil {
			return err
		}
		documents = documents[n:]
	}
	return nil
}

func reread(ctx context.Context, tx pgx.Tx, tenant id.ID, documents []id.ID, cfg *Config) error {
	rows, err := tx.Query(ctx, sqlReread, tenant, documents)
	if err != nil {
		return fmt.Errorf("originals of %d documents: %w", len(documents), err)
	}
	again, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*task, error) { return scanStored(row, tenant) })
	if err != nil {
		return fmt.Errorf("originals of %d documents: %w", len(documents), err)
	}
	var done []id.ID
	var values [][]any
	for _, t := range again {
		if err := t.readAgain(cfg); err != nil {
			// It was read once. What was made of it then is better than nothing.
			cfg.Logger.Warn("a stored document cannot be read any more; its statements stay as they are", "tenant", tenant, "origin", t.env.Origin, "error", err)
			continue
		}
		done = append(done, t.documentID)
		for i := range t.statements {
			values = append(values, t.statements[i].values())
		}
	}
	if _, err := tx.Exec(ctx, sqlForget, tenant, done); err != nil {
		return fmt.Errorf("statements of %d documents: %w", len(done), err)
	}
	s := staging[inStatement]
	if _, err := tx.Exec(ctx, "delete from "+s.table); err != nil {
		return err
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{s.table}, s.columns, pgx.CopyFromRows(values)); err != nil {
		return fmt.Errorf("copy %d rows into %s: %w", len(values), s.table, err)
	}
	if _, err := tx.Exec(ctx, s.insert, tenant); err != nil {
		return fmt.Errorf("insert %d statements: %w", len(values), err)
	}
	return nil
}

// scanStored makes a task of a document that is stored.
func scanStored(row pgx.CollectableRow, tenant id.ID) (*task, error) {
	t := &task{doc: &normalize.Document{}}
	t.env.Tenant = tenant
	var hash, meaning, stored []byte
	var encoding string
	var size int64
	var artifact *id.ID
	var at *time.Time
	err := row.Scan(&t.documentID, &hash, &t.env.Kind, &size, &encoding, &stored, &t.env.Origin, &artifact, &t.artifact.purl, &t.env.Stream, &meaning, &at)
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
	t.env.Bytes, err = Expand(encoding, stored, size)
	return t, err
}

// readAgain is read for what is stored: nothing that was decided then is decided again.
func (t *task) readAgain(cfg *Config) error {
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
	t.doc.Kind = t.env.Kind // an SBOM may have been taken for the VEX in it
	if t.artifact.purl == "" {
		if err := t.findArtifact(); err != nil {
			return err
		}
	}
	t.statements = newStatements(t)
	t.env.Bytes = nil
	return nil
}
