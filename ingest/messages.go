package ingest

import (
	"encoding/json"
	"time"

	"sluice/outbox"
)

// The types of the messages that tell senders and operators about documents.
const (
	receiptType = "dev.sluice.receipt.v1"
	parkedType  = "dev.sluice.parked.v1"
)

// notice is what the parked topic says of a document.
type notice struct {
	Origin      string `json:"origin"`
	DocumentID  string `json:"document_id"`
	ContentHash string `json:"content_hash"`
	Reason      string `json:"reason"`
	Pointer     string `json:"pointer"`
	Message     string `json:"message"`
	Format      string `json:"format"`
	Bytes       int64  `json:"bytes"`
	ScanRun     int64  `json:"scan_run_id"`
}

// addMessages tells who sent the document what became of it, and everybody who listens
// that one was parked.
func (r *rows) addMessages(t *task) {
	if t.env.Reply == nil && t.outcome != Parked {
		return
	}
	m := outbox.Message{ID: t.eventID().String(), Time: time.Now().UTC(), Subject: clip(t.env.Origin, 1000), Traceparent: t.traceparent()}
	if t.env.Reply != nil {
		m.Key = t.env.Reply.Key
	}
	if len(m.Key) == 0 {
		m.Key = []byte(m.Subject)
	}
	receipt := t.receipt()
	if t.env.Reply != nil && (t.flags == nil || t.flags.Receipts()) {
		m.Type, m.Data = receiptType, json.RawMessage(toJSON(receipt))
		r.receipts = append(r.receipts, m)
	}
	if t.outcome == Parked {
		m.Type, m.Data = parkedType, json.RawMessage(toJSON(notice{
			receipt.Origin, receipt.DocumentID, receipt.ContentHash, receipt.Reason, receipt.Pointer, receipt.Message, receipt.Format,
			receipt.Bytes, t.env.ScanRun,
		}))
		r.notices = append(r.notices, m)
	}
}

// addOutbox packs the messages into rows of the outbox.
func (r *rows) addOutbox() error {
	for _, list := range []struct {
		topic    string
		messages []outbox.Message
		always   bool
	}{{outbox.Receipts, r.receipts, true}, {outbox.Parked, r.notices, false}} {
		packed, err := outbox.Rows(list.topic, list.messages)
		if err != nil {
			return err
		}
		for _, row := range packed {
			r.put(inOutbox, len(r.tables[inOutbox]), row.Topic, string(row.Payload), list.always)
		}
	}
	return nil
}
