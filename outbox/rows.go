package outbox

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Channel is the NOTIFY channel on which the Relay listens for new rows. A notification is
// sent from a transaction of its own, after the one that wrote the rows: NOTIFY takes a
// lock of the whole server at commit. One that is lost costs a second.
const Channel = "sluice_outbox"

// What one row holds at most. A larger row would make the relay read, and keep in memory,
// more than one request to a broker takes; with smaller ones the rows themselves are the cost.
const (
	maxRowMessages = 500
	maxRowBytes    = 1 << 20
)

// Batch is the aggregate_type of a row that holds several messages.
const Batch = "batch"

// Row is a row of core.outbox, of aggregate_type batch.
type Row struct {
	Topic    string          // a logical topic, or a name that is taken as it is
	Payload  json.RawMessage // array of messages
	Messages int             // how many these are
}

// Rows packs messages, in order, into rows of at most 500 messages and 1 MiB of JSON; a
// single message that is larger makes a row alone.
func Rows(topic string, msgs []Message) ([]Row, error) {
	if topic == "" {
		return nil, fmt.Errorf("outbox: %d messages have no topic", len(msgs))
	}
	var rows []Row
	for i, m := range msgs {
		if err := m.check(); err != nil {
			return nil, fmt.Errorf("outbox: message %d of %d for %s, id %q: %w", i+1, len(msgs), topic, m.ID, err)
		}
		text, err := m.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("outbox: message %d of %d for %s, id %q: %w", i+1, len(msgs), topic, m.ID, err)
		}
		if last := len(rows) - 1; last >= 0 && rows[last].Messages < maxRowMessages && len(rows[last].Payload)+len(text)+2 <= maxRowBytes {
			rows[last].Payload = append(append(rows[last].Payload, ','), text...)
			rows[last].Messages++
			continue
		}
		rows = append(rows, Row{Topic: topic, Payload: append([]byte{'['}, text...), Messages: 1})
	}
	for i := range rows {
		rows[i].Payload = append(rows[i].Payload, ']')
	}
	return rows, nil
}

// Insert writes rows of one tenant inside tx, whose tenant must be set to it.
//
// The order of rows is the order of their inserts, not of their commits. Who writes about
// one thing in several transactions inserts after taking the locks that put these in order,
// best as the last thing of each.
func Insert(ctx context.Context, tx pgx.Tx, tenant id.ID, rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	topics, payloads := make([]string, len(rows)), make([]string, len(rows))
	for i, r := range rows {
		topics[i], payloads[i] = r.Topic, string(r.Payload)
	}
	if _, err := tx.Exec(ctx, sqlInsert, tenant, topics, payloads, Batch); err != nil {
		return fmt.Errorf("write %d rows into core.outbox: %w", len(rows), err)
	}
	return nil
}
