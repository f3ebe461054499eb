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
	Signature     *Signature          `json:"signature,omitempty"`
	Bytes         int64               `json:"-"`
	Kind          normalize.Kind      `json:"-"` // where it was read
	Tenant        id.ID               `json:"-"`
	ScanRun       int64               `json:"-"`
}

func hashText(h [32]byte) string { return "sha256:" + hex.EncodeToString(h[:]) }

// Counts sums up receipts. Its JSON form is the summary of `ingest file --output json`.
type Counts struct {
	OutcomeCounts
	ByFormat map[string]OutcomeCounts `json:"by_format"`
	ByReason map[string]int64         `json:"parked_by_reason"`
}

// OutcomeCounts counts documents by what became of them: all, or those of one format.
type OutcomeCounts struct {
	Documents int64 `json:"documents"`
	Accepted  int64 `json:"accepted"`
	Duplicate int64 `json:"duplicate"`
	Unchanged int64 `json:"unchanged"`
	Parked    int64 `json:"parked"`
	Bytes     int64 `json:"bytes"`
}

func (o *OutcomeCounts) add(other OutcomeCounts) {
	o.Documents += other.Documents
	o.Accepted += other.Accepted
	o.Duplicate += other.Duplicate
	o.Unchanged += other.Unchanged
	o.Parked += other.Parked
	o.Bytes += other.Bytes
}

// one is the count of one receipt.
func (r Receipt) one() OutcomeCounts {
	o := OutcomeCounts{Documents: 1, Bytes: r.Bytes}
	switch r.Outcome {
	case Accepted:
		o.Accepted = 1
	case Duplicate:
		o.Duplicate = 1
	case Unchanged:
		o.Unchanged = 1
	case Parked:
		o.Parked = 1
	}
	return o
}

// Add counts receipts in.
func (c *Counts) Add(receipts ...Receipt) {
	c.init()
	for _, r := range receipts {
		name := r.Format
		if name == "" {
			name = "unknown"
		}
		one := r.one()
		c.OutcomeCounts.add(one)
		c.addFormat(name, one)
		if r.Outcome == Parked {
			c.ByReason[r.Reason]++
		}
	}
}

// Merge adds other's counts.
func (c *Counts) Merge(other Counts) {
	c.init()
	c.OutcomeCounts.add(other.OutcomeCounts)
	for name, o := range other.ByFormat {
		c.addFormat(name, o)
	}
	for reason, n := range other.ByReason {
		c.ByReason[reason] += n
	}
}

func (c *Counts) init() {
	if c.ByFormat == nil {
		c.ByFormat, c.ByReason = map[string]OutcomeCounts{}, map[string]int64{}
	}
}

func (c *Counts) addFormat(name string, o OutcomeCounts) {
	f := c.ByFormat[name]
	f.add(o)
	c.ByFormat[name] = f
}

// Clone returns a copy that shares nothing.
func (c *Counts) Clone() Counts {
	out := *c
	out.ByFormat, out.ByReason = maps.Clone(c.ByFormat), maps.Clone(c.ByReason)
	return out
}
