package ingest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize"
)

// remake collects what is written again.
type remake struct {
	tenant   id.ID
	rows     *rows
	said     []id.ID // documents with statements
	facts    []id.ID
	undated  map[id.ID]int // records without a time of their own, and their rows of t_fact
	sboms    [][]any       // rows of t_again
	hashes   [][]byte      // of all documents, for what follows
	warnings []*string
	tools    []string
	versions []string // of the tools
	quality  []*string
}

func newRemake(tenant id.ID) *remake {
	return &remake{tenant: tenant, rows: newRows(newPackageCache(1), ""), undated: map[id.ID]int{}}
}

func (a *remake) add(t *storedTask) {
	var quality *string
	switch t.doc.Kind {
	case normalize.Vuln:
		first := len(a.rows.tables[inFact])
		a.rows.addFacts(&t.task)
		a.rows.addFeed(&t.task)
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
			text := toJSON(inv.quality(t.doc))
			quality = &text
			a.rows.addPackages(inv)
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
	tool, version := madeBy(t.doc)
	a.hashes, a.warnings, a.quality = append(a.hashes, t.hash[:]), append(a.warnings, warnings), append(a.quality, quality)
	a.tools, a.versions = append(a.tools, tool), append(a.versions, version)
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
	if err := a.rows.writeFeeds(ctx, tx, a.tenant); err != nil {
		return err
	}
	if err := a.factsBefore(ctx, tx, m); err != nil {
		return err
	}
	if err := a.rows.copyStaged(ctx, tx, true); err != nil {
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
		if _, err := tx.Exec(ctx, s.insert, a.rows.args(i, a.tenant)...); err != nil {
			return fmt.Errorf("insert what goes to %s: %w", s.table, err)
		}
	}
	if err := m.addStreams(ctx, tx, sqlRemakeSBOMs, a.tenant); err != nil {
		return fmt.Errorf("SBOMs: %w", err)
	}
	if _, err := tx.Exec(ctx, sqlNoteSaid, a.tenant, a.hashes, a.warnings, a.tools, a.versions, a.quality); err != nil {
		return fmt.Errorf("warnings and quality: %w", err)
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
		if len(a.rows.tables[i]) > 0 && s.table != "" {
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
