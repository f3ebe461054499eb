package inventory

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/inventory/vexdoc"
)

// ExportConfig says which verdicts are exported, and as what.
type ExportConfig struct {
	// Format is one of vexdoc.Formats. Required.
	Format string
	// Artifact is the purl of the one that is meant; "": all.
	Artifact string
	// Author is who says so in the document. Required. Namespace is a URI of his. Default urn:uuid: and the tenant's id.
	Author, Namespace string
}

// Exported is a document that was made.
type Exported struct {
	Format   string        `json:"format"`
	Artifact string        `json:"artifact"` // "": several
	ID       string        `json:"id"`       // the same for all its versions
	Version  int           `json:"version"`
	New      bool          `json:"new"` // this version was not exported before
	Verdicts int           `json:"verdicts"`
	Losses   []vexdoc.Loss `json:"losses"`
	Text     []byte        `json:"-"`
}

// Check returns an *ask.WrongError where the configuration makes no sense. Export checks too.
func (c ExportConfig) Check() error {
	if err := ask.OneOf("format", c.Format, vexdoc.Formats...); err != nil {
		return err
	}
	if c.Author == "" {
		return ask.Wrong("author", "is missing: a document says who says so")
	}
	_, err := artifactPurl(c.Artifact)
	return err
}

// effective is a row of effective_verdicts.sql.
type effective struct {
	Artifact      string     `db:"artifact"`
	Package       string     `db:"package"`
	VulnID        string     `db:"vuln_id"`
	Status        string     `db:"status"`
	Justification string     `db:"justification"`
	Impact        string     `db:"impact"`
	Action        string     `db:"action"`
	Source        string     `db:"source"`
	By            string     `db:"by"`
	At            *time.Time `db:"at"`
	Ticket        string     `db:"ticket"`
	Proof         string     `db:"proof"`
	Until         *time.Time `db:"until"`
	Rationale     string     `db:"rationale"`
}

func (e effective) verdict() vexdoc.Verdict {
	v := vexdoc.Verdict{
		Artifact: e.Artifact, Package: e.Package, Vulnerability: e.VulnID, Status: e.Status, Impact: e.Impact, Action: e.Action,
		Source: e.Source, By: e.By, Ticket: e.Ticket, Proof: e.Proof, Rationale: e.Rationale,
	}
	if isJustification(e.Justification) {
		v.Justification = e.Justification
	} else if e.Source == "decision" {
		v.Rationale = e.Justification // what the finding shows in its place
	} else if e.Justification != "" && v.Impact == "" {
		v.Impact = e.Justification
	}
	if e.At != nil {
		v.Time = *e.At
	}
	if e.Until != nil {
		v.Until = *e.Until
	}
	return v
}

// Export writes the verdicts in force, as the findings show them, as VEX documents: one, or where the format
// says them of one artifact per document, one for each artifact that has any. The same verdicts make the same
// document, byte for byte; others the next version of it, which is on record from then on, and in the
// audit log.
func (inv *Inventory) Export(ctx context.Context, tenant id.ID, c ExportConfig) (out []Exported, err error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	c.Artifact, _ = artifactPurl(c.Artifact) // it was checked
	if c.Namespace == "" {
		c.Namespace = "urn:uuid:" + tenant.String()
	}
	err = inv.as(ctx, pg.Ingest, tenant, func(tx pgx.Tx) error {
		if c.Artifact != "" {
			if err := namedArtifact(c.Artifact).noPlace(ctx, tx, tenant); err != nil {
				return err
			}
		}
		rows, err := collect[effective](ctx, tx, sqlEffectiveVerdicts, tenant, c.Artifact)
		if err != nil {
			return err
		}
		byArtifact := map[string][]vexdoc.Verdict{c.Artifact: nil}
		said := map[string]bool{}
		for _, e := range rows {
			in := c.Artifact
			if vexdoc.Single(c.Format) {
				in = e.Artifact
			}
			byArtifact[in] = append(byArtifact[in], e.verdict())
			said[in] = said[in] || e.Status != ""
		}
		if vexdoc.Single(c.Format) && c.Artifact == "" {
			delete(byArtifact, "")
		}
		for _, artifact := range sortedKeys(byArtifact) {
			series := c.series(tenant, artifact)
			if !said[artifact] {
				// One that says nothing any more has to say so; one that never said anything need not begin.
				had, err := collect[exportVersion](ctx, tx, sqlExportVersions, tenant, series)
				if err != nil {
					return err
				}
				if len(had) == 0 {
					continue
				}
			}
			e, err := c.export(ctx, tx, tenant, artifact, series, byArtifact[artifact])
			if err != nil {
				return err
			}
			out = append(out, e)
		}
		return nil
	})
	if err != nil {
		return nil, during("export verdicts", err)
	}
	return out, nil
}

func sortedKeys[T any](m map[string]T) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// series is the id of the document.
func (c ExportConfig) series(tenant id.ID, artifact string) id.ID {
	return id.Derive(tenant, "vex export", c.Format, artifact, c.Author, c.Namespace)
}

type exportVersion struct {
	Version int       `db:"version"`
	Hash    []byte    `db:"content_hash"`
	At      time.Time `db:"created_at"`
}

// export writes one document: the version that went out last where it says the same, else the next one.
func (c ExportConfig) export(ctx context.Context, tx pgx.Tx, tenant id.ID, artifact string, series id.ID, verdicts []vexdoc.Verdict) (Exported, error) {
	out := Exported{Format: c.Format, Artifact: artifact, ID: series.String()}
	doc := vexdoc.Document{ID: out.ID, Version: 1, Author: c.Author, Namespace: c.Namespace, Artifact: artifact, Verdicts: verdicts}
	// What it says: without version and times.
	text, losses, err := vexdoc.Write(c.Format, doc)
	if err != nil {
		return out, err
	}
	hash := sha256.Sum256(text)
	for _, v := range verdicts {
		if v.Status != "" {
			out.Verdicts++
		}
	}
	if _, err := tx.Exec(ctx, sqlLockExport, tenant, series); err != nil {
		return out, err
	}
	had, err := collect[exportVersion](ctx, tx, sqlExportVersions, tenant, series)
	if err != nil {
		return out, err
	}
	if n := len(had); n == 0 || string(had[n-1].Hash) != string(hash[:]) {
		before := time.Unix(0, 0)
		if n > 0 {
			before = had[n-1].At
		}
		next := exportVersion{Version: n + 1, Hash: hash[:]}
		err := tx.QueryRow(ctx, sqlPutExportVersion, tenant, series, next.Version, c.Format, artifact, c.Author, hash[:], out.Verdicts, pg.UserOf(ctx), before).Scan(&next.At)
		if err != nil {
			return out, err
		}
		had, out.New = append(had, next), true
		err = audit.Note(ctx, tx, tenant, audit.Entry{
			Action: "vex.export", Entity: "vex_export", Of: &series,
			Diff: audit.Change(nil, map[string]any{"format": c.Format, "artifact": artifact, "author": c.Author, "version": next.Version, "verdicts": out.Verdicts, "sha256": fmt.Sprintf("%x", hash)}),
		})
		if err != nil {
			return out, err
		}
	}
	for _, v := range had {
		doc.Releases = append(doc.Releases, v.At.UTC())
	}
	last := had[len(had)-1]
	doc.Version, doc.First, doc.Time = last.Version, had[0].At.UTC(), last.At.UTC()
	out.Version, out.Losses = last.Version, losses
	if out.Losses == nil {
		out.Losses = []vexdoc.Loss{}
	}
	out.Text, _, err = vexdoc.Write(c.Format, doc)
	return out, err
}
