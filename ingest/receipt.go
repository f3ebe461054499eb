package ingest

import (
	"encoding/hex"
	"maps"

	"sluice/internal/id"
	"sluice/normalize"
)

// Outcome says what became of a document.
type Outcome string

// The outcomes.
const (
	Accepted  Outcome = "accepted"  // stored
	Duplicate Outcome = "duplicate" // the same bytes are here already
	Unchanged Outcome = "unchanged" // says the same as a stored document of its stream; its time was noted
	Parked    Outcome = "parked"    // set aside with its bytes and the reason
)

// Receipt says what became of one document.
type Receipt struct {
	Origin        string              `json:"origin"`
	DocumentID    string              `json:"document_id"`
	ContentHash   string              `json:"content_hash"`
	Format        string              `json:"format"`
	FormatVersion string              `json:"format_version"`
	Outcome       Outcome             `json:"outcome"`
	Reason        string              `json:"reason"`
	Pointer       string              `json:"pointer"`
	Message       string              `json:"message,omitempty"`
	Warnings      []normalize.Warning `json:"warnings"`
	Bytes         int64               `json:"-"`
	Tenant        id.ID               `json:"-"`
	ScanRun       int64               `json:"-"`
}

func hashText(h [32]byte) string { return "sha256:" + hex.EncodeToString(h[:]) }

// Counts sums up receipts. Its JSON form is the summary of `ingest file --output json`.
type Counts struct {
	Documents int64                    `json:"documents"`
	Accepted  int64                    `json:"accepted"`
	Duplicate int64                    `json:"duplicate"`
	Unchanged int64                    `json:"unchanged"`
	Parked    int64                    `json:"parked"`
	Bytes     int64                    `json:"bytes"`
	ByFormat  map[string]OutcomeCounts `json:"by_format"`
	ByReason  map[string]int64         `json:"parked_by_reason"`
}

// OutcomeCounts counts the documents of one format.
type OutcomeCounts struct {
	Documents int64 `json:"documents"`
	Accepted  int64 `json:"accepted"`
	Duplicate int64 `json:"duplicate"`
	Unchanged int64 `json:"unchanged"`
	Parked    int64 `json:"parked"`
	Bytes     int64 `json:"bytes"`
}

// Add counts receipts in.
func (c *Counts) Add(receipts ...Receipt) {
	if c.ByFormat == nil {
		c.ByFormat, c.ByReason = map[string]OutcomeCounts{}, map[string]int64{}
	}
	for _, r := range receipts {
		name := r.Format
		if name == "" {
			name = "unknown"
		}
		f := c.ByFormat[name]
		f.Documents, f.Bytes = f.Documents+1, f.Bytes+r.Bytes
		c.Documents, c.Bytes = c.Documents+1, c.Bytes+r.Bytes
		switch r.Outcome {
		case Accepted:
			c.Accepted, f.Accepted = c.Accepted+1, f.Accepted+1
		case Duplicate:
			c.Duplicate, f.Duplicate = c.Duplicate+1, f.Duplicate+1
		case Unchanged:
			c.Unchanged, f.Unchanged = c.Unchanged+1, f.Unchanged+1
		case Parked:
			c.Parked, f.Parked = c.Parked+1, f.Parked+1
			c.ByReason[r.Reason]++
		}
		c.ByFormat[name] = f
	}
}

// Clone returns a copy that shares nothing.
func (c *Counts) Clone() Counts {
	out := *c
	out.ByFormat, out.ByReason = maps.Clone(c.ByFormat), maps.Clone(c.ByReason)
	return out
}

// Merge adds other's counts.
func (c *Counts) Merge(other Counts) {
	c.Add()
	c.Documents += other.Documents
	c.Accepted += other.Accepted
	c.Duplicate += other.Duplicate
	c.Unchanged += other.Unchanged
	c.Parked += other.Parked
	c.Bytes += other.Bytes
	for name, o := range other.ByFormat {
		f := c.ByFormat[name]
		f.Documents += o.Documents
		f.Accepted += o.Accepted
		f.Duplicate += o.Duplicate
		f.Unchanged += o.Unchanged
		f.Parked += o.Parked
		f.Bytes += o.Bytes
		c.ByFormat[name] = f
	}
	for reason, n := range other.ByReason {
		c.ByReason[reason] += n
	}
}
