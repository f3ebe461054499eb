package ingest

import (
	"fmt"
	"math"
	"time"

	"sluice/internal/id"
)

// eventReplayed precedes the outcome of a document that was parked before.
const eventReplayed = "replayed"

// documentEvent is the payload of the events of one document; docs/events.md explains it.
// That it was received is no row of its own: the time is a member of the outcome's, which
// is written in any case, and a second row per document would cost the import as much
// as the first.
type documentEvent struct {
	Origin     string  `json:"origin"`
	DocumentID string  `json:"document_id"`
	Outcome    Outcome `json:"outcome,omitempty"`     // of replayed
	ParkedID   int64   `json:"parked_id,omitempty"`   // of replayed
	Format     string  `json:"format,omitempty"`      // of accepted, unchanged
	SameAs     string  `json:"same_as,omitempty"`     // of unchanged
	Reason     string  `json:"reason,omitempty"`      // of parked
	Bytes      int     `json:"bytes,omitempty"`       // after unwrapping
	ReceivedAt string  `json:"received_at,omitempty"` // when the source handed it over
	DurationMS float64 `json:"duration_ms"`           // from then until its rows are sent
	ReadMS     float64 `json:"read_ms,omitempty"`     // of that, reading and checking it
}

// addEvent records the outcome in the scan run's history. The id is derived, so that
// an event that is written again is recognised.
func (r *rows) addEvent(t *task) {
	e := documentEvent{
		Origin: clip(t.env.Origin, 4096), DocumentID: t.documentID.String(), Bytes: len(t.env.Bytes),
		ReceivedAt: t.received.UTC().Format("2006-01-02T15:04:05.000Z07:00"), DurationMS: milliseconds(time.Since(t.received)), ReadMS: milliseconds(t.reading),
	}
	switch t.outcome {
	case Parked:
		e.Reason = t.park.Reason
	case Unchanged:
		e.SameAs, e.Format = t.twin.String(), t.doc.Format
	case Accepted:
		e.Format = t.doc.Format
	}
	if p, ok := t.env.Position.(replayed); ok {
		again := documentEvent{Origin: e.Origin, DocumentID: e.DocumentID, Outcome: t.outcome, ParkedID: p.id, DurationMS: e.DurationMS}
		r.put(inEvent, t.env.ScanRun, eventReplayed, toJSON(again), t.derivedID(eventReplayed))
	}
	r.put(inEvent, t.env.ScanRun, string(t.outcome), toJSON(e), t.eventID())
}

func (t *task) eventID() id.ID { return t.derivedID(string(t.outcome)) }

func (t *task) derivedID(event string) id.ID {
	return id.Derive(t.env.Tenant, "event", fmt.Sprint(t.env.ScanRun), t.env.Origin, string(t.hash[:]), event)
}

// milliseconds rounds to tenths: more digits would only fill the table.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Millisecond)*10) / 10
}
