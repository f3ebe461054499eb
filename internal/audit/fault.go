package audit

import (
	"fmt"
	"strings"
	"time"
)

// The kinds of a Fault.
const (
	Edited   = "edited"   // the entry, or its place in the chain, is not what it was
	Missing  = "missing"  // an entry was taken out
	Inserted = "inserted" // an entry was put in past the chain
	Forked   = "forked"   // two entries go on from the same one
)

// Fault is the first entry of a chain that does not fit, and why.
type Fault struct {
	Seq    int64      `json:"seq,omitempty"` // 0: it has no place in the chain
	ID     string     `json:"id,omitempty"`
	Action string     `json:"action,omitempty"`
	At     *time.Time `json:"at,omitempty"`
	Kind   string     `json:"kind"`
	Why    string     `json:"why"`
}

func (f *Fault) Error() string {
	var b strings.Builder
	if f.Seq > 0 {
		fmt.Fprintf(&b, "entry %d", f.Seq)
	} else {
		b.WriteString("an entry outside of the chain")
	}
	var about []string
	if f.ID != "" {
		about = append(about, f.ID)
	}
	if f.Action != "" {
		about = append(about, f.Action)
	}
	if f.At != nil {
		about = append(about, f.At.UTC().Format(time.RFC3339Nano))
	}
	if len(about) > 0 {
		b.WriteString(" (" + strings.Join(about, ", ") + ")")
	}
	b.WriteString(" is " + f.Kind + ": " + f.Why)
	return b.String()
}
