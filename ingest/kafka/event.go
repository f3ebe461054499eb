package kafka

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/segmentio/kafka-go"

	"sluice/internal/id"
	"sluice/normalize"
)

// event is one record of the events topic.
type event struct {
	tenantName string
	scanRun    int64 // 0: the day's
	at         time.Time
	kind       string
	payload    string
	id         id.ID
	message    *kafka.Message
	span       span
	park       *normalize.ParkError
	tenant     id.ID
}

// maxEventType bounds event_type: it is a word, not a text.
const maxEventType = 200

// eventReader reads records. It is used by one goroutine.
type eventReader struct {
	dec *jsontext.Decoder
	in  *bytes.Reader
	out []byte
}

func newEventReader() *eventReader {
	in := bytes.NewReader(nil)
	return &eventReader{in: in, dec: jsontext.NewDecoder(in)}
}

// read takes a record apart: {"scan_run_id", "occurred_at", "event_type", "event_id", "tenant"}
// are columns, "payload" and whatever else there is go into the payload.
func (r *eventReader) read(m *kafka.Message) event {
	e := event{message: m, at: m.Time.UTC()}
	if err := r.value(&e, m.Value); err != nil {
		e.park = err
	}
	for _, h := range m.Headers {
		switch h.Key {
		case headerTenant, "ce_tenant":
			e.tenantName = string(h.Value)
		case headerScanRun:
			if n, err := strconv.ParseInt(string(h.Value), 10, 64); err == nil && n > 0 && e.scanRun == 0 {
				e.scanRun = n
			}
		}
	}
	if e.kind == "" && e.park == nil {
		e.park = normalize.Park(normalize.ReasonInvalid, "/event_type", "an event needs an event_type, a word such as scan.started")
	}
	if e.id == (id.ID{}) {
		e.id = messageID(m)
	}
	return e
}

// messageID is the id of an event that has none: that of its place in Kafka.
func messageID(m *kafka.Message) id.ID {
	return id.Derive(id.ID{}, "kafka-event", m.Topic, strconv.Itoa(m.Partition), strconv.FormatInt(m.Offset, 10), strconv.FormatInt(m.Time.UnixMilli(), 10))
}

var nul = []byte(`\u0000`)

// value reads the value of a message into the event.
//
// Long: one token after the other; what each may be stands in one place.
func (r *eventReader) value(e *event, value []byte) *normalize.ParkError {
	syntax := func(err error) *normalize.ParkError {
		return normalize.Park(normalize.ReasonSyntax, fmt.Sprintf("byte %d", r.dec.InputOffset()), "an event is one JSON object: %w", err)
	}
	if len(value) == 0 {
		return normalize.Park(normalize.ReasonEmpty, "", "the message has no value; an event is a JSON object")
	}
	if bytes.Contains(value, nul) {
		return normalize.Park(normalize.ReasonNUL, "", `PostgreSQL cannot hold \u0000 in a text`)
	}
	r.in.Reset(value)
	r.dec.Reset(r.in)
	tok, err := r.dec.ReadToken()
	if err != nil {
		return syntax(err)
	}
	if tok.Kind() != '{' {
		return syntax(fmt.Errorf("this is no object"))
	}
	r.out = append(r.out[:0], '{')
	var payload jsontext.Value
	for r.dec.PeekKind() != '}' {
		name, err := r.dec.ReadValue()
		if err != nil {
			return syntax(err)
		}
		mark := len(r.out)
		if mark > 1 {
			r.out = append(r.out, ',')
		}
		r.out = append(append(r.out, name...), ':')
		column := string(bytes.Trim(name, `"`)) // names with escapes are none of ours
		v, err := r.dec.ReadValue()
		if err != nil {
			return syntax(err)
		}
		taken := true
		switch column {
		case "scan_run_id":
			n, err := strconv.ParseInt(string(bytes.Trim(v, `"`)), 10, 64)
			if err != nil || n < 1 {
				return normalize.Park(normalize.ReasonInvalid, "/scan_run_id", "%.50q is not the number of a scan run", v)
			}
			e.scanRun = n
		case "occurred_at":
			at, err := eventTime(v)
			if err != nil {
				return normalize.Park(normalize.ReasonInvalid, "/occurred_at", "%w", err)
			}
			e.at = at
		case "event_type":
			if json.Unmarshal(v, &e.kind) != nil || e.kind == "" || len(e.kind) > maxEventType {
				return normalize.Park(normalize.ReasonInvalid, "/event_type", "%.50q is not a word of up to %d bytes", v, maxEventType)
			}
		case "event_id":
			given, err := id.Parse(string(bytes.Trim(v, `"`)))
			if err != nil {
				return normalize.Park(normalize.ReasonInvalid, "/event_id", "%w", err)
			}
			e.id = given
		case "tenant", "tenant_id":
			_ = json.Unmarshal(v, &e.tenantName) // a number is no tenant
		case "payload":
			payload = append(payload[:0], v...)
		default:
			taken = false
			r.out = append(r.out, v...)
		}
		if taken {
			r.out = r.out[:mark]
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return syntax(err)
	}
	if rest := bytes.TrimSpace(value[r.dec.InputOffset():]); len(rest) > 0 {
		return syntax(fmt.Errorf("something follows the object"))
	}
	r.out = append(r.out, '}')
	e.payload = r.join(payload)
	return nil
}

// join is the payload: that of the record, with its other members added.
func (r *eventReader) join(payload jsontext.Value) string {
	others := len(r.out) > 2
	switch {
	case payload == nil:
		return string(r.out)
	case payload.Kind() != '{':
		if others {
			return `{"payload":` + string(payload) + "," + string(r.out[1:])
		}
		return `{"payload":` + string(payload) + "}"
	case !others:
		return string(payload)
	}
	inner := bytes.TrimSpace(payload[1 : len(payload)-1])
	if len(inner) == 0 {
		return string(r.out)
	}
	return string(r.out[:len(r.out)-1]) + "," + string(inner) + "}"
}

// eventTime reads RFC 3339, or seconds or milliseconds since 1970.
func eventTime(v jsontext.Value) (time.Time, error) {
	if v.Kind() == '"' {
		t, err := time.Parse(time.RFC3339Nano, string(v[1:len(v)-1]))
		if err != nil {
			return t, fmt.Errorf("%.50s is not a time like 2026-02-28T12:00:00Z", v)
		}
		return t.UTC(), nil
	}
	n, err := strconv.ParseFloat(string(v), 64)
	switch {
	case err != nil || v.Kind() != '0' || n < 0 || n > 1e14:
		return time.Time{}, fmt.Errorf("%.50s is neither a time like 2026-02-28T12:00:00Z nor seconds or milliseconds since 1970", v)
	case n > 1e11:
		return time.UnixMilli(int64(n)).UTC(), nil
	}
	return time.UnixMicro(int64(n * 1e6)).UTC(), nil
}
