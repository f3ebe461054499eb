package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"sluice/internal/id"
)

// Anchor is the newest entry's hash as it was once, kept where those who can rewrite the database
// cannot: a chain that has no such entry any more is not the one that was there then.
type Anchor struct {
	TenantID id.ID      `json:"tenant_id"`
	Tenant   string     `json:"tenant,omitempty"`
	Seq      int64      `json:"seq"`
	Hash     Hash       `json:"hash"`
	At       *time.Time `json:"at,omitempty"` // when it was taken
}

func (a Anchor) taken() string {
	if a.At == nil {
		return "an anchor"
	}
	return "the anchor of " + a.At.UTC().Format(time.RFC3339)
}

// ReadAnchors reads anchors, a JSON object per line, as files and topics have them.
func ReadAnchors(r io.Reader) ([]Anchor, error) {
	var list []Anchor
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var a Anchor
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return nil, fmt.Errorf("line %d is no anchor: %w", n, err)
		}
		if a.Seq < 1 || a.Hash == (Hash{}) {
			return nil, fmt.Errorf(`line %d is no anchor: it needs "tenant_id", "seq" and "hash"`, n)
		}
		list = append(list, a)
	}
	return list, lines.Err()
}
