package inventory

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/normalize/seal"
)

// Signature is an envelope that a document came in, or a signature beside it, and what became of
// checking it.
type Signature struct {
	ID            string          `db:"id" json:"id"`
	DocumentHash  string          `db:"document_hash" json:"content_hash"` // of the document, or of one that repeated it
	Kind          seal.Kind       `db:"kind" json:"kind"`
	Outcome       seal.Outcome    `db:"outcome" json:"outcome"`
	KeyID         string          `db:"key_id" json:"key_id"`
	Why           string          `db:"why" json:"why,omitempty"`
	PayloadType   string          `db:"payload_type" json:"payload_type,omitempty"`
	PredicateType string          `db:"predicate_type" json:"predicate_type,omitempty"`
	Subjects      json.RawMessage `db:"subjects" json:"subjects"`
	Origin        string          `db:"origin" json:"origin"`
	Size          int64           `db:"size" json:"bytes"`
	VerifiedAt    *time.Time      `db:"verified_at" json:"verified_at"`
	CreatedAt     time.Time       `db:"created_at" json:"created_at"`
}

// NoSignature is what DocumentFilter.Signature calls documents without any.
const NoSignature = "none"

// signatureWords are what DocumentFilter.Signature may be.
func signatureWords() []string {
	words := []string{"", NoSignature}
	for _, o := range seal.Outcomes {
		words = append(words, string(o))
	}
	return words
}

// signatures of a document, the one that says most first.
func signatures(ctx context.Context, tx pgx.Tx, tenant id.ID, hash []byte) ([]Signature, error) {
	rows, err := tx.Query(ctx, sqlSignatures, tenant, hash)
	if err != nil {
		return nil, err
	}
	list, err := pgx.AppendRows([]Signature{}, rows, pgx.RowToStructByName[Signature])
	for i := range list {
		utc(list[i].VerifiedAt)
		list[i].CreatedAt = list[i].CreatedAt.UTC()
	}
	return list, err
}

// Envelope returns an envelope of a document as it was received: the one with this id or, where that is
// "", the one that says most.
func (inv *Inventory) Envelope(ctx context.Context, tenant id.ID, key DocumentKey, signature string) ([]byte, error) {
	var out []byte
	err := inv.read(ctx, tenant, func(tx pgx.Tx) error {
		owner, hash, err := key.find(ctx, tx, tenant)
		if err != nil {
			return err
		}
		list, err := signatures(ctx, tx, owner, hash)
		if err != nil {
			return err
		}
		for _, s := range list {
			if signature != "" && s.ID != signature {
				continue
			}
			var encoding string
			var stored []byte
			var size int64
			if err := tx.QueryRow(ctx, sqlEnvelope, owner, s.ID).Scan(&encoding, &stored, &size); err != nil {
				return err
			}
			out, err = ingest.Expand(encoding, stored, size)
			return err
		}
		if signature != "" {
			return ask.NotFound("document %s has no envelope %s; see `sluice document show %[1]s`", key.given, signature)
		}
		return ask.NotFound("document %s came in no envelope, and with no signature", key.given)
	})
	if err != nil {
		return nil, during("envelope", err)
	}
	return out, nil
}
