package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/detect"
)

// What a document says is compared only where another one of its stream may say the same. For the
// first SBOM of a stream, and in a backfill that is nearly each, the canonical form and its hash
// would be a third of the importer's work, and nobody would ever ask for them. It is stored
// without; who comes next to the stream makes up for it, from the original. See docs/design/0036.

// knowMeaning works out the meaning hash of an SBOM, unless it is known.
func (t *task) knowMeaning() error {
	if t.doc.Kind != normalize.SBOM || t.meaning != ([32]byte{}) {
		return nil
	}
	var err error
	if t.meaning, err = meaningHash(t.doc, t.json, t.format, t.hash); err != nil {
		return normalize.Park(normalize.ReasonInvalid, "", "canonical form: %w", err)
	}
	return nil
}

// meaningHash is the hash of what a document says. Where its JSON form leaves something
// out (elements of other namespaces in XML), only the same bytes mean the same.
func meaningHash(doc *normalize.Document, json []byte, format normalize.Format, content [32]byte) ([32]byte, error) {
	partial := len(doc.Warnings) > normalize.MaxWarnings
	for _, w := range doc.Warnings {
		partial = partial || w.Code == "extension" || w.Code == "partial-json" || w.Code == "unknown-field" ||
			doc.Format == "cyclonedx-xml" && (w.Code == "duplicate-member" || w.Code == "conflicting-members")
	}
	if doc.JSON != nil && partial {
		return content, nil
	}
	return detect.MeaningHash(json, normalize.MeaningOf(format))
}

// meaningKey is what is said, within a stream.
type meaningKey struct {
	streamKey
	meaning [32]byte
}

// lateSBOM is a stored one without a meaning hash of its own.
type lateSBOM struct {
	stream   streamKey
	document id.ID
	meaning  []byte // what was found out since; nil: nothing yet
}

// findTwins marks SBOMs that say the same as a stored one of their stream, or as an earlier one
// of the batch.
func (s store) findTwins(ctx context.Context, tx pgx.Tx, tenant id.ID, tasks []*task) error {
	var sboms []*task
	streams := map[streamKey]int{}
	for _, t := range tasks {
		if t.outcome == "" && t.doc != nil && t.doc.Kind == normalize.SBOM {
			sboms = append(sboms, t)
			streams[t.streamKey()]++
		}
	}
	if sboms == nil {
		return nil
	}
	held, late, err := s.lookUpStreams(ctx, tx, tenant, sboms)
	if err != nil {
		return err
	}
	var compared []*task
	for _, t := range sboms {
		if !held[t.streamKey()] && streams[t.streamKey()] == 1 {
			continue // nothing there to be compared with
		}
		if err := t.knowMeaning(); err != nil {
			t.doc, t.json = nil, nil
			if !errors.As(err, &t.park) {
				return err
			}
			continue
		}
		compared = append(compared, t)
	}
	if compared == nil {
		return nil
	}
	twins, err := s.lookUpMeanings(ctx, tx, tenant, compared)
	if err != nil {
		return err
	}
	for _, l := range late {
		if l.meaning == nil {
			if l.meaning, err = s.makeUp(ctx, tx, tenant, l.document); err != nil {
				return err
			}
		}
		if len(l.meaning) == 32 {
			twins[meaningKey{l.stream, [32]byte(l.meaning)}] = l.document
		}
	}
	for _, t := range compared {
		k := meaningKey{t.streamKey(), t.meaning}
		if twin, ok := twins[k]; ok {
			t.twin, t.outcome = twin, Unchanged
		} else {
			twins[k] = t.documentID
		}
	}
	return nil
}

// lookUpStreams says which streams of SBOMs have documents, and which of these have no meaning hash
// of their own.
func (s store) lookUpStreams(ctx context.Context, tx pgx.Tx, tenant id.ID, sboms []*task) (held map[streamKey]bool, late []lateSBOM, err error) {
	held, asked := map[streamKey]bool{}, map[streamKey]bool{}
	var artifacts []id.ID
	var streams []string
	for _, t := range sboms {
		if k := t.streamKey(); !asked[k] {
			asked[k] = true
			artifacts, streams = append(artifacts, k.artifact), append(streams, k.stream)
		}
	}
	rows, err := tx.Query(ctx, sqlLookUpStreams, tenant, artifacts, streams)
	if err != nil {
		return nil, nil, fmt.Errorf("look up %d streams: %w", len(streams), err)
	}
	k := streamKey{tenant: tenant}
	var document *id.ID
	var meaning []byte
	var locked *bool
	_, err = pgx.ForEachRow(rows, []any{&k.artifact, &k.stream, &document, &meaning, &locked}, func() error {
		held[k] = true
		if document != nil {
			late = append(late, lateSBOM{k, *document, bytes.Clone(meaning)})
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("look up %d streams: %w", len(streams), err)
	}
	// In one order in every transaction: making up for them locks their rows.
	slices.SortFunc(late, func(a, b lateSBOM) int { return a.document.Compare(b.document) })
	return held, late, nil
}

// lookUpMeanings finds stored SBOMs by the meaning hashes of new ones.
func (s store) lookUpMeanings(ctx context.Context, tx pgx.Tx, tenant id.ID, tasks []*task) (map[meaningKey]id.ID, error) {
	meanings := make([][]byte, len(tasks))
	for i, t := range tasks {
		meanings[i] = t.meaning[:]
	}
	rows, err := tx.Query(ctx, sqlLookUpMeaning, tenant, meanings)
	if err != nil {
		return nil, fmt.Errorf("look up %d meaning hashes: %w", len(meanings), err)
	}
	twins := map[meaningKey]id.ID{}
	k := meaningKey{streamKey: streamKey{tenant: tenant}}
	var document id.ID
	var meaning []byte
	var held bool
	_, err = pgx.ForEachRow(rows, []any{&document, &k.artifact, &k.stream, &meaning, &held}, func() error {
		k.meaning = [32]byte(meaning)
		twins[k] = document
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up %d meaning hashes: %w", len(meanings), err)
	}
	return twins, nil
}

// makeUp works out the meaning hash of a stored SBOM from its original and keeps it. Nil: retention
// has deleted the document.
func (s store) makeUp(ctx context.Context, tx pgx.Tx, tenant, document id.ID) ([]byte, error) {
	var content, stored []byte
	var size int64
	var encoding string
	err := tx.QueryRow(ctx, sqlLoadSBOM, tenant, document).Scan(&content, &size, &encoding, &stored)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("original of document %s: %w", document, err)
	}
	meaning, err := s.meaningOf([32]byte(content), size, encoding, stored)
	if err != nil {
		// It could be read when it came. Now only the same bytes say the same, and those are known.
		s.cfg.Logger.Warn("a stored document cannot be read any more; it is not compared with others of its stream", "tenant", tenant, "document", document, "error", err)
		meaning = [32]byte(content)
	}
	if _, err := tx.Exec(ctx, sqlSayMeaning, tenant, content, meaning[:]); err != nil {
		return nil, fmt.Errorf("meaning hash of document %s: %w", document, err)
	}
	return meaning[:], nil
}

func (s store) meaningOf(content [32]byte, size int64, encoding string, stored []byte) (none [32]byte, err error) {
	t := storedTask{task: task{hash: content}}
	t.env.Kind = normalize.SBOM
	if t.env.Bytes, err = Expand(encoding, stored, size); err != nil {
		return none, err
	}
	if err := t.normalize(s.cfg); err != nil {
		return none, err
	}
	if err := t.knowMeaning(); err != nil {
		return none, err
	}
	return t.meaning, nil
}
