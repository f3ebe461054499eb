package inventory

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/id"
)

// DocumentFilter picks stored documents. The zero value picks all.
type DocumentFilter struct {
	// Kind is sbom, vex or vuln; "" is any.
	Kind string
	// Artifact is the purl of what the SBOMs describe; "" is any, and any other document.
	Artifact string
	// Signature is what became of checking the document's envelope (seal.Outcome), or NoSignature where it
	// came in none; "" is any.
	Signature string
	// Limit is how many at most, the newest first; 0 is all.
	Limit int
}

// Check returns an *ask.WrongError where the filter makes no sense. Documents checks too.
func (f DocumentFilter) Check() error {
	_, err := f.normal()
	return err
}

func (f DocumentFilter) normal() (DocumentFilter, error) {
	if err := ask.OneOf("kind", f.Kind, "", "sbom", "vex", "vuln"); err != nil {
		return f, err
	}
	if err := ask.OneOf("signature", f.Signature, signatureWords()...); err != nil {
		return f, err
	}
	if err := ask.Limit(f.Limit); err != nil {
		return f, err
	}
	var err error
	f.Artifact, err = artifactPurl(f.Artifact)
	return f, err
}

// Document is what is known about a stored document.
type Document struct {
	ID            string          `db:"id" json:"document_id"`
	Hash          string          `db:"hash" json:"content_hash"` // sha256:HEX
	Kind          string          `db:"kind" json:"kind"`
	Format        string          `db:"format" json:"format"`
	FormatVersion string          `db:"format_version" json:"format_version"`
	Size          int64           `db:"size" json:"bytes"`
	Artifact      string          `db:"artifact" json:"artifact"` // of SBOMs, as is the stream
	Stream        string          `db:"stream" json:"stream"`
	Time          *time.Time      `db:"document_time" json:"document_time"`
	Components    *int32          `db:"component_count" json:"components"`
	Current       bool            `db:"current" json:"current"` // the current SBOM of its stream
	Origin        string          `db:"origin" json:"origin"`
	ScanRun       int64           `db:"scan_run_id" json:"scan_run_id"`
	ReceivedAt    time.Time       `db:"received_at" json:"received_at"`
	Warnings      json.RawMessage `db:"warnings" json:"warnings"`
	Signature     string          `db:"signature" json:"signature"` // outcome of the envelope that says most; "" where there is none
}

func (d *Document) utc() {
	utc(d.Time)
	d.ReceivedAt = d.ReceivedAt.UTC()
}

// DocumentDetail is a document with what repeated it.
type DocumentDetail struct {
	Document
	Repeats    []string    `json:"unchanged_repeats"` // hash and origin of those that said the same
	Signatures []Signature `json:"signatures"`        // of the document and of those
}

// Documents lists stored documents, the newest first.
func (inv *Inventory) Documents(ctx context.Context, tenant id.ID, f DocumentFilter) ([]Document, error) {
	f, err := f.normal()
	if err != nil {
		return nil, err
	}
	var list []Document
	err = inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		list, err = collect[Document](ctx, tx, sqlDocuments, tenant, f.Kind, f.Artifact, f.Limit, nil, f.Signature)
		if err == nil && len(list) == 0 {
			err = namedArtifact(f.Artifact).noPlace(ctx, tx, tenant)
		}
		return err
	})
	if err != nil {
		return nil, during("documents", err)
	}
	for i := range list {
		list[i].utc()
	}
	return list, nil
}

// DocumentKey names a document by its id or by its content hash.
type DocumentKey struct {
	given string
	id    *id.ID
	hash  []byte
}

// ParseDocumentKey reads an id, or a content hash: sha256:HEX or the 64 digits alone.
func ParseDocumentKey(s string) (DocumentKey, error) {
	key := DocumentKey{given: s}
	if h, ok := strings.CutPrefix(s, "sha256:"); ok || len(s) == 64 {
		var err error
		if key.hash, err = hex.DecodeString(h); err != nil || len(key.hash) != 32 {
			return key, ask.Wrong("", "%q is not a content hash: sha256: and 64 hexadecimal digits", s)
		}
		return key, nil
	}
	document, err := id.Parse(s)
	if err != nil {
		return key, ask.Wrong("", "%q is neither the id of a document nor its content hash; see `sluice document list`", s)
	}
	key.id = &document
	return key, nil
}

// find returns the content hash of the document and whose it is: the shared feed's documents
// are everybody's to read.
func (key DocumentKey) find(ctx context.Context, tx pgx.Tx, tenant id.ID) (owner id.ID, hash []byte, err error) {
	err = tx.QueryRow(ctx, sqlDocumentHash, tenant, key.hash, key.id).Scan(&owner, &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return owner, nil, ask.NotFound("there is no document %s of this tenant; see `sluice document list`", key.given)
	}
	return owner, hash, err
}

// Document says what is known about one document.
func (inv *Inventory) Document(ctx context.Context, tenant id.ID, key DocumentKey) (DocumentDetail, error) {
	var d DocumentDetail
	err := inv.read(ctx, tenant, func(tx pgx.Tx) error {
		owner, hash, err := key.find(ctx, tx, tenant)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlDocuments, owner, "", "", 0, hash, "")
		if err != nil {
			return err
		}
		if d.Document, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Document]); err != nil {
			return err
		}
		if rows, err = tx.Query(ctx, sqlDocumentRepeat, owner, d.ID); err != nil {
			return err
		}
		if d.Repeats, err = pgx.AppendRows([]string{}, rows, pgx.RowTo[string]); err != nil {
			return err
		}
		d.Signatures, err = signatures(ctx, tx, owner, hash)
		return err
	})
	if err != nil {
		return d, during("document", err)
	}
	d.utc()
	return d, nil
}

// Original returns a document as it was received, after unwrapping: its SHA-256 is the
// content hash. It is held in memory whole.
func (inv *Inventory) Original(ctx context.Context, tenant id.ID, key DocumentKey) ([]byte, error) {
	var out []byte
	err := inv.read(ctx, tenant, func(tx pgx.Tx) error {
		owner, hash, err := key.find(ctx, tx, tenant)
		if err != nil {
			return err
		}
		var encoding string
		var stored []byte
		var size int64
		if err := tx.QueryRow(ctx, sqlOriginal, owner, hash).Scan(&encoding, &stored, &size); err != nil {
			return err
		}
		out, err = ingest.Expand(encoding, stored, size)
		return err
	})
	if err != nil {
		return nil, during("document", err)
	}
	return out, nil
}
