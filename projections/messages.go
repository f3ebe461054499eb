package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"sluice/internal/id"
)

// What one row of the outbox holds at most; as outbox.Rows has it.
const (
	maxRowMessages = 500
	maxRowBytes    = 1 << 20
)

// teller makes the messages about findings for the outbox. Nobody listens: it makes none.
type teller struct {
	b        *batch
	listened bool
	part     int // the row that is being filled
	messages int // in it
	bytes    int
}

// findingMessage is a message of core.outbox without what history.sql adds at its end: its
// type, since a finding may have been open before, and its time, which is that of the history.
type findingMessage struct {
	ID      string      `json:"id"`
	Key     string      `json:"key"`
	Subject string      `json:"subject"`
	Trace   string      `json:"traceparent,omitempty"`
	Data    findingData `json:"data"` // the last one
}

// findingData has the members that `sluice findings --output json` has, as far as they are
// at hand, and what happened. history.sql adds "at".
type findingData struct {
	Artifact      string       `json:"artifact"`
	Package       string       `json:"package"`
	Vulnerability string       `json:"vulnerability"`
	Aliases       []string     `json:"aliases"`
	Advisories    []string     `json:"advisories"`
	Status        string       `json:"status"` // open, suppressed, closed
	Severity      string       `json:"severity"`
	Score         *json.Number `json:"score"`
	Fixed         []string     `json:"fixed_versions"`
	Reason        string       `json:"reason"`
	RenamedFrom   string       `json:"renamed_from,omitempty"`
	PartOf        string       `json:"part_of,omitempty"` // of one that is closed because it joined another
}

// newTeller asks whether anybody wants to hear of findings. The answer may change from
// one batch to the next; within one it does not.
func (b *batch) newTeller(ctx context.Context) (*teller, error) {
	if b.listened == nil {
		b.listened = new(bool)
		if err := b.tx.QueryRow(ctx, sqlOutboxRoute).Scan(b.listened); err != nil {
			return nil, fmt.Errorf("route of the outbox: %w", err)
		}
	}
	return &teller{b: b, listened: *b.listened}, nil
}

// message makes the message about one event of a finding, nil where there is none to send,
// and says which row it goes into.
func (t *teller) message(f *finding, ch change, e event) (part int, message any) {
	if !t.listened || e.name == "changed" {
		return 0, nil
	}
	d := findingData{
		Artifact: f.ArtifactPurl, Package: f.PackagePurl, Vulnerability: f.VulnID, Aliases: orEmpty(f.Aliases), Advisories: orEmpty(f.Advisories),
		Status: f.state, Severity: f.Severity, Fixed: orEmpty(f.Fixed), Reason: e.reason, RenamedFrom: e.detail["from"], PartOf: e.detail["into"],
	}
	if ch.new == nil {
		d.Status = "closed"
	}
	if f.Score != nil {
		n := json.Number(fmt.Sprintf("%d.%d", *f.Score/10, *f.Score%10))
		d.Score = &n
	}
	text := mustJSON(findingMessage{
		// A batch that was done is not done again: its first job is gone.
		ID:  id.Derive(t.b.tenant, "finding", fmt.Sprint(t.b.first), f.Artifact.String(), f.Package.String(), f.VulnID, e.name).String(),
		Key: f.ArtifactPurl, Subject: f.ArtifactPurl, Trace: t.b.traces.about(f.Artifact), Data: d,
	})
	if t.messages == maxRowMessages || (t.messages > 0 && t.bytes+len(text) > maxRowBytes) {
		t.part, t.messages, t.bytes = t.part+1, 0, 0
	}
	t.messages, t.bytes = t.messages+1, t.bytes+len(text)+150
	t.b.toSend = true
	return t.part, strings.TrimSuffix(string(text), "}}") // history.sql goes on inside data
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
