package outbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// The logical topics. In Kafka they bear the prefix: sluice.receipts. Any other name is
// taken as it is.
const (
	Receipts = "receipts"
	Findings = "findings"
	Parked   = "parked"
)

// Message is one message to be sent.
type Message struct {
	// ID tells repetitions from new messages; it becomes ce_id.
	ID string
	// Key decides the topic partition, and so what the message keeps its order with.
	// nil is spread over all topic partitions, in no order.
	Key []byte
	// Type is what happened, such as dev.sluice.receipt.v1; it becomes ce_type.
	Type string
	// Time is when it happened; it becomes ce_time.
	Time time.Time
	// Subject is what it happened to; it becomes ce_subject. Optional.
	Subject string
	// Traceparent is the W3C trace context. Optional.
	Traceparent string
	// Data is the JSON value that is sent.
	Data json.RawMessage
}

// stored is a Message inside a row of aggregate_type batch.
type stored struct {
	ID          string          `json:"id"`
	Key         *string         `json:"key,omitempty"`
	Key64       *string         `json:"key64,omitempty"` // base64, where the key is not text that jsonb can hold
	Type        string          `json:"type"`
	Time        time.Time       `json:"time"`
	Subject     string          `json:"subject,omitempty"`
	Traceparent string          `json:"traceparent,omitempty"`
	Data        json.RawMessage `json:"data"`
}

// MarshalJSON writes the form of docs/kafka.md. jsonb holds neither \u0000 nor half of a
// surrogate pair: in a key they are kept by base64, elsewhere replaced by U+FFFD.
func (m Message) MarshalJSON() ([]byte, error) {
	s := stored{
		ID: m.ID, Type: m.Type, Time: m.Time.UTC(), Subject: m.Subject, Traceparent: m.Traceparent, Data: m.Data,
	}
	switch {
	case m.Key == nil:
	case utf8.Valid(m.Key) && bytes.IndexByte(m.Key, 0) < 0:
		key := string(m.Key)
		s.Key = &key
	default:
		key := base64.StdEncoding.EncodeToString(m.Key)
		s.Key64 = &key
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // purls are full of &
	if err := enc.Encode(s); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if !utf8.Valid(text) { // data is only checked to be JSON
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	return storable(text), nil
}

// UnmarshalJSON reads the form that MarshalJSON writes.
func (m *Message) UnmarshalJSON(b []byte) error {
	var s stored
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*m = Message{ID: s.ID, Type: s.Type, Time: s.Time, Subject: s.Subject, Traceparent: s.Traceparent, Data: s.Data}
	switch {
	case s.Key64 != nil:
		key, err := base64.StdEncoding.DecodeString(*s.Key64)
		if err != nil {
			return fmt.Errorf("key64: %w", err)
		}
		m.Key = key
	case s.Key != nil:
		m.Key = []byte(*s.Key)
	}
	return nil
}

func (m Message) check() error {
	switch {
	case m.ID == "":
		return errors.New("it has no id")
	case m.Type == "":
		return errors.New("it has no type")
	case len(m.Data) == 0:
		return errors.New("it has no data")
	}
	return nil
}

// storable replaces, in JSON text, the escapes that jsonb refuses: \u0000 and halves of
// surrogate pairs. Text without such escapes is returned as it is.
func storable(text []byte) []byte {
	for i := 0; ; {
		n := bytes.IndexByte(text[i:], '\\')
		if n < 0 || i+n+1 >= len(text) {
			return text
		}
		i += n
		if text[i+1] != 'u' {
			i += 2
			continue
		}
		switch unit := hex4(text[i+2:]); {
		case unit >= 0xD800 && unit < 0xDC00 && bytes.HasPrefix(text[min(i+6, len(text)):], []byte(`\u`)) && isLow(hex4(text[i+8:])):
			i += 12
			continue
		case unit == 0, unit >= 0xD800 && unit < 0xE000:
			copy(text[i+2:], "fffd")
		}
		i += 6
	}
}

func isLow(unit rune) bool { return unit >= 0xDC00 && unit < 0xE000 }

// hex4 reads four hexadecimal digits, or returns -1.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
