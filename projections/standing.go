package projections

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/projections/vex"
)

// ending says why a statement was in force and is not any more.
type ending struct {
	why vex.Reason
	by  string // content hash of the document that speaks now, where there is one
}

// settle brings the statements of these documents, and of all versions of them, to what
// package vex says of the documents: those that speak no more are ended, those that do again
// are in force, and what an SBOM says without a time of its own is as new as the SBOM.
func (b *batch) settle(ctx context.Context, documents []id.ID) error {
	rows, err := b.tx.Query(ctx, sqlStandings, b.tenant, documents)
	if err != nil {
		return err
	}
	var list []*vex.Document
	outcomes := map[vex.ID]string{} // of the first statement of each document that has one
	var d vex.Document
	var at, said *time.Time
	var outcome *string
	_, err = pgx.ForEachRow(rows, []any{&d.ID, &d.Series, &d.Rank, &at, &d.Hash, &d.SBOM, &d.Current, &said, &outcome}, func() error {
		c := d
		c.Time, c.Said = orZero(at), orZero(said)
		c.Hash = append([]byte(nil), d.Hash...)
		list = append(list, &c)
		if outcome != nil {
			outcomes[c.ID] = *outcome
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("versions of %d documents: %w", len(documents), err)
	}
	standings := vex.Settle(list)
	var ended, revived, timed []id.ID
	var times []*time.Time
	for _, d := range list {
		outcome, says := outcomes[d.ID]
		s := standings[d.ID]
		switch {
		case !says:
		case s.Ended != "" && outcome != outcomeEnded:
			ended = append(ended, id.ID(d.ID))
		case s.Ended == "" && outcome == outcomeEnded:
			revived = append(revived, id.ID(d.ID))
		}
		if says && d.SBOM && s.Ended == "" {
			timed, times = append(timed, id.ID(d.ID)), append(times, orNil(s.At))
		}
	}
	if err := b.end(ctx, ended, true, standings); err != nil {
		return err
	}
	if err := b.end(ctx, revived, false, standings); err != nil {
		return err
	}
	if len(timed) > 0 {
		if err := b.note(ctx, sqlTimeStatements, b.tenant, timed, times); err != nil {
			return fmt.Errorf("times of the statements of %d SBOMs: %w", len(timed), err)
		}
	}
	return nil
}

// end ends the statements of documents, or puts them in force again.
func (b *batch) end(ctx context.Context, documents []id.ID, over bool, standings map[vex.ID]vex.Standing) error {
	if len(documents) == 0 {
		return nil
	}
	rows, err := b.tx.Query(ctx, sqlEndStatements, b.tenant, documents, over)
	if err != nil {
		return err
	}
	var statement, document id.ID
	var vuln string
	_, err = pgx.ForEachRow(rows, []any{&statement, &vuln, &document}, func() error {
		b.statements[statement], b.vulns[vuln] = true, true
		if !over {
			return nil
		}
		s := standings[vex.ID(document)]
		e := ending{why: s.Ended}
		if s.By != nil {
			e.by = "sha256:" + hex.EncodeToString(s.By.Hash)
		}
		b.ended[statement] = e
		b.tallyStatement(document, outcomeEnded)
		return nil
	})
	if err != nil {
		return fmt.Errorf("end the statements of %d documents: %w", len(documents), err)
	}
	return nil
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
