package ingest

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ingest/deliver"
	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/seal"
)

// ErrFenced is what Source.Advance returns when another owner has taken the
// position over: this one must stop, its batch was rolled back.
var ErrFenced = deliver.ErrFenced

// Envelope is one document on its way in, with what its source knows about it.
type Envelope struct {
	Tenant id.ID
	// Origin says where the document came from: topic/3@1842, a path, path!/entry.
	Origin string
	// Bytes is the document, unwrapped. The pipeline owns it from Next on.
	Bytes []byte
	// Err is set where the source could not get at the document; it is parked with that
	// reason, and Bytes holds what there is.
	Err *normalize.ParkError
	// Kind, if set, is what the document must be; another kind is parked.
	Kind normalize.Kind
	// Artifact is the purl of what an SBOM describes, Stream which of its SBOMs this is.
	Artifact, Stream string
	// ObservedAt stands in for the document's own time where it has none; usually zero.
	ObservedAt time.Time
	ScanRun    int64
	// Seal is the envelope that the document came in, or the signature beside it; may be nil.
	Seal *seal.Seal
	// Signature is what was found out about Seal; the pipeline sets it.
	Signature *Signature
	// Line is where the document begins in its origin, which holds several; else zero.
	Line int
	// Retry: what was parked before is tried again, as something beside it may have been mended.
	Retry bool
	// Warnings are oddities that the source noticed; they become the document's.
	Warnings []normalize.Warning
	// Reply, if set, asks for a receipt in the outbox.
	Reply *Reply
	// Traceparent is the sender's trace (W3C Trace Context). What becomes of the document belongs
	// to it, and its receipt names it.
	Traceparent string
	// Hints is what else the source knows and a replay of a parked document needs.
	Hints map[string]string
	// Position is the source's own; Advance gets it back.
	Position any
}

// Reply is how a sender recognises the receipt of his document.
type Reply struct {
	Key []byte // receipts of one key are sent in the order of their documents
}

// Source hands over documents and keeps its own position in the database. What an
// implementation has to do is checked by sourcetest.Run.
type Source interface {
	// Next blocks until an envelope is ready or ctx ends. It returns io.EOF itself, not
	// wrapped, once nothing more can come: a folder gets there, a topic never. An error
	// that is an outage (pg.FaultOf) is waited out and Next is called again, so it must
	// not lose its place; any other ends the run. Calls do not overlap.
	Next(ctx context.Context) (Envelope, error)

	// Advance records, inside the transaction that stores them, that these
	// envelopes need not come again. They are in the order of Next; the
	// transaction acts for the tenant of the last one. An error rolls the batch back:
	// ErrFenced ends the run, any other is treated like one of the database.
	//
	// It writes through tx and remembers nothing itself: the transaction may still be
	// rolled back, and then Advance is called again for the same envelopes, or for a
	// part of them where the database refused one. Where Parallel is more than 1,
	// calls overlap.
	Advance(ctx context.Context, tx pgx.Tx, done []Envelope) error

	// Committed is called with what Advance got, once, after the transaction is durable.
	Committed(done []Envelope)

	// Parallel is how many batches may be in flight at once. Where it is 1, batches
	// commit in the order of Next; otherwise only those that share a document or
	// a stream do.
	Parallel() int
}
