package inventory

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// findingPlace is where a finding stands in an order: what the order compares.
type findingPlace struct {
	Grade     int       `json:"g,omitempty"`
	Points    int16     `json:"p,omitempty"`
	Value     *float64  `json:"n,omitempty"` // of kev and epss
	FirstSeen time.Time `json:"t"`
	Vuln      string    `json:"v"`
	Artifact  string    `json:"a"`
	Package   string    `json:"c"`
}

// checkBytes is how much of the hash of question and place a cursor begins with: enough to tell a
// mistake, and it guards nothing: whoever makes one up sees the same findings.
const checkBytes = 6

// cursor is the place of a finding as text, with a hash of it and of the question it belongs to.
func (q *findingQuery) cursor(f *found) string {
	place, err := json.Marshal(f.findingPlace)
	if err != nil {
		panic(err) // it is made of texts and numbers
	}
	return base64.RawURLEncoding.EncodeToString(append(q.check(q.tenant, place), place...))
}

func (n *findingQuestion) check(tenant id.ID, place []byte) []byte {
	sum := sha256.Sum256(append([]byte(n.of(tenant)), place...))
	return sum[:checkBytes]
}

func (n *findingQuestion) parseCursor(tenant id.ID) (*findingPlace, error) {
	b, err := base64.RawURLEncoding.DecodeString(n.After)
	if err != nil || len(b) < checkBytes {
		return nil, ask.Wrong("after", "%.40q is no cursor: take it from the line behind the list before", n.After)
	}
	check, text := b[:checkBytes], b[checkBytes:]
	if string(n.check(tenant, text)) != string(check) {
		return nil, ask.Wrong("after", "%.20q... is a cursor of another question: tenant, filters and order have to be the same", n.After)
	}
	place := &findingPlace{}
	if err := json.Unmarshal(text, place); err != nil {
		return nil, ask.Wrong("after", "%.20q... is no cursor: %w", n.After, err)
	}
	return place, nil
}
