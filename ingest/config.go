package ingest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"sluice/ingest/deliver"
	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/seal"
)

// Config tunes a Pipeline. Formats must be set; everything else has a default.
type Config struct {
	// Formats are the document formats to recognise, the first that claims a document wins.
	Formats []normalize.Format
	Limits  normalize.Limits
	// Keys are what signatures of documents are compared with; nil: they are kept unchecked.
	Keys *seal.Keys
	// RequireSignature parks every document without a signature by one of Keys.
	RequireSignature bool

	// BatchBytes, BatchDocuments and BatchWait end a batch, whichever comes first.
	// Defaults: 4 MiB, 1,000 documents, 200 ms. A batch is one transaction.
	BatchBytes     int64
	BatchDocuments int
	BatchWait      time.Duration
	// BatchTarget is how long a batch should take once it is let in: where batches take longer they are
	// made smaller, so that what another tenant sends need not wait for one. 0: it does not matter.
	BatchTarget time.Duration
	// BytesInFlight bounds the documents in memory, across all sources that share
	// the pipeline. Default 32 MiB: eight batches; a larger document passes alone.
	BytesInFlight int64
	// RetryFirst and RetryMax are the pauses between attempts during an outage.
	// Defaults: 100 ms, doubling up to 5 s, with jitter.
	RetryFirst, RetryMax time.Duration
	// SlowTries is how often a batch may be too slow for the server (statement_timeout and its
	// like) before it is cut, and a document alone before it is parked. Default 3. Each try
	// lasts as long as the time-out, and the source waits meanwhile.
	SlowTries int
	// BatchTimeout is the longest that one batch may take to become durable once a
	// stop was asked for. Default 60 s.
	BatchTimeout time.Duration
	// OnOutage, if set, is called when an attempt fails because of an outage, before
	// the pause: the place to start an embedded server again. Calls may overlap.
	OnOutage func(error)
	// Carriers is how many batches may be on their way to the database at once, over all
	// sources that share the pipeline; tenants take turns at them. 0: as many as the sources have.
	Carriers int
	// Flags, if set, says what is switched on for a tenant. It is asked once per batch and tenant, before
	// documents are read; an error that is an outage is waited out. Without it everything is on.
	Flags func(ctx context.Context, tenant id.ID) (Flags, error)
	// Allowance, if set, says how much may be stored now. It is asked once per batch and tenant, about what
	// is no duplicate; what it does not allow waits, and the source with it.
	Allowance Limits
	// Yield, if set, is called before each batch is carried: the place where a bulk lane
	// lets others go first. It returns when ctx ends.
	Yield func(ctx context.Context)
	// Metrics, if set, counts what becomes of documents, as of Source: kafka, files.
	Metrics *Metrics
	Source  string
	// OnReceipts, if set, gets the receipts of each batch after it is durable.
	// Calls do not overlap.
	OnReceipts func([]Receipt)
	Logger     *slog.Logger
}

// Flags is what is switched on for a tenant, as far as imports ask.
type Flags interface {
	// Format reports whether documents of this format are taken. Others are parked.
	Format(name string) bool
	// Receipts reports whether senders are told what became of their documents.
	Receipts() bool
}

func (c Config) withDefaults() Config {
	if c.BatchBytes == 0 {
		c.BatchBytes = 4 << 20
	}
	if c.BatchDocuments == 0 {
		c.BatchDocuments = 1000
	}
	if c.BatchWait == 0 {
		c.BatchWait = 200 * time.Millisecond
	}
	if c.BytesInFlight == 0 {
		c.BytesInFlight = 32 << 20
	}
	if c.RetryFirst == 0 {
		c.RetryFirst = 100 * time.Millisecond
	}
	if c.RetryMax == 0 {
		c.RetryMax = 5 * time.Second
	}
	if c.SlowTries == 0 {
		c.SlowTries = deliver.SlowTries
	}
	if c.BatchTimeout == 0 {
		c.BatchTimeout = 60 * time.Second
	}
	if c.Limits == (normalize.Limits{}) {
		c.Limits = normalize.DefaultLimits
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// revision names what decides whether a document is parked: the reading program, the limits, and
// the keys of signatures. A document that was parked under another revision is tried again.
func (c Config) revision() string {
	names := make([]string, len(c.Formats))
	for i, f := range c.Formats {
		names[i] = f.Name()
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %v %v", normalize.Revision, c.Limits, strings.Join(names, ",")))
	if c.Keys.Len() > 0 || c.RequireSignature {
		sum = sha256.Sum256(fmt.Appendf(sum[:], " %s %v", c.Keys.ID(), c.RequireSignature))
	}
	return fmt.Sprintf("%d-%x", normalize.Revision, sum[:4])
}
