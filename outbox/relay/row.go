package relay

import (
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/internal/id"
	"sluice/outbox"
)

// claimed is a row as it was read.
type claimed struct {
	ID            id.ID
	Seq           int64
	Tenant        *id.ID
	AggregateType string
	AggregateID   *id.ID
	Payload       []byte
	CreatedAt     time.Time
	Attempts      int32

	items []*item
	err   error // why it cannot be read
}

// item is one message on its way.
type item struct {
	outbox.Message
	raw    []byte // as it stands in a batch
	tenant *id.ID
	sent   bool
	err    error // why it was not sent, if that was tried
}

// open reads the messages of a row. Whatever is wrong with a row stays with that row.
func (c *claimed) open() {
	if c.AggregateType != outbox.Batch {
		key := c.ID.String()
		if c.AggregateID != nil {
			key = c.AggregateID.String()
		}
		c.items = []*item{{
			Message: outbox.Message{ID: c.ID.String(), Key: []byte(key), Type: c.AggregateType, Time: c.CreatedAt, Data: c.Payload},
			tenant:  c.Tenant,
		}}
		return
	}
	list, err := outbox.Open(c.Payload)
	if err != nil {
		c.err = err
		return
	}
	c.items = make([]*item, len(list))
	for i, m := range list {
		c.items[i] = &item{Message: m.Message, raw: m.Raw, err: m.Err, tenant: c.Tenant}
	}
}

// remaining returns what is left of a row: whether all of it was sent, the payload that is
// still to be sent (nil: all of it), and the first error.
func (c *claimed) remaining() (done bool, payload []byte, err error) {
	if c.err != nil {
		return false, nil, c.err
	}
	left := 0
	for _, it := range c.items {
		if it.sent {
			continue
		}
		left++
		if err == nil {
			err = it.err
		}
	}
	if left == 0 || left == len(c.items) {
		return left == 0, nil, err
	}
	payload = append(payload, '[')
	for _, it := range c.items {
		if it.sent {
			continue
		}
		if len(payload) > 1 {
			payload = append(payload, ',')
		}
		payload = append(payload, it.raw...)
	}
	return false, append(payload, ']'), err
}

// bytes is about what the message takes in a request.
func (it *item) bytes() int {
	return len(it.Data) + len(it.Key) + len(it.ID) + len(it.Type) + len(it.Subject) + len(it.Traceparent) + 250 // names of headers and the rest
}

// record is the message as Kafka gets it: the data as value, the rest as headers by the
// CloudEvents 1.0 Kafka protocol binding, binary mode. Its time is now: topics keep what is
// younger than their retention, and a message that waited must not vanish on arrival.
func (it *item) record(now time.Time) kafka.Record {
	source, tenant := "/sluice", ""
	if it.tenant != nil {
		tenant = it.tenant.String()
		source = "/sluice/tenants/" + tenant
	}
	headers := make([]kafka.Header, 0, 9)
	add := func(name, value string) {
		if value != "" {
			headers = append(headers, kafka.Header{Key: name, Value: []byte(value)})
		}
	}
	add("ce_specversion", "1.0")
	add("ce_id", it.ID)
	add("ce_source", source)
	add("ce_type", it.Type)
	if !it.Time.IsZero() {
		add("ce_time", it.Time.UTC().Format(time.RFC3339Nano))
	}
	add("ce_subject", it.Subject)
	add("content-type", "application/json")
	add("tenant", tenant)
	add("traceparent", it.Traceparent)
	return kafka.Record{Time: now, Key: kafka.NewBytes(it.Key), Value: kafka.NewBytes(it.Data), Headers: headers}
}
