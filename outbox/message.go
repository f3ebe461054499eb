package outbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
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
func (m *Message) UnmarshalJSON(text []byte) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true))
	_, wrong, err := m.read(dec, text)
	if err != nil {
		return err
	}
	return wrong
}

// read reads a message off dec, which decodes text; raw and Data are parts of text. wrong
// is what the message has that it should not, and dec stands behind it; after an err dec is
// of no more use.
func (m *Message) read(dec *jsontext.Decoder, text []byte) (raw []byte, wrong, err error) {
	*m = Message{}
	if kind := dec.PeekKind(); kind != '{' {
		value, err := dec.ReadValue()
		end := int(dec.InputOffset())
		return text[end-len(value) : end], errors.New("it is no object"), err
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, nil, err
	}
	begin := int(dec.InputOffset()) - 1
	for dec.PeekKind() != '}' {
		tok, err := dec.ReadToken()
		if err != nil {
			return nil, nil, err
		}
		name := tok.String()
		value, err := dec.ReadValue()
		if err != nil {
			return nil, nil, err
		}
		end := int(dec.InputOffset())
		if err := m.set(name, text[end-len(value):end]); err != nil && wrong == nil {
			wrong = fmt.Errorf("%s: %w", name, err)
		}
	}
	_, err = dec.ReadToken()
	return text[begin:dec.InputOffset()], wrong, err
}

// set takes a member of the stored form; what has no name there is passed over.
func (m *Message) set(name string, value jsontext.Value) error {
	switch name {
	case "data":
		m.Data = json.RawMessage(value)
		return nil
	case "id", "key", "key64", "type", "time", "subject", "traceparent":
	default:
		return nil
	}
	if value.Kind() != '"' {
		return errors.New("it is a string")
	}
	b, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return err
	}
	switch name {
	case "id":
		m.ID = string(b)
	case "key":
		m.Key = b
	case "key64":
		m.Key, err = base64.StdEncoding.DecodeString(string(b))
	case "type":
		m.Type = string(b)
	case "time":
		m.Time, err = time.Parse(time.RFC3339Nano, string(b))
	case "subject":
		m.Subject = string(b)
	case "traceparent":
		m.Traceparent = string(b)
	}
	return err
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

// Stored is a message as it was read from a row.
type Stored struct {
	Message
	Raw []byte // as it stands in the payload
	Err error  // what it has that it should not, or lacks
}

// Open reads the payload of a batch in one pass: this is most of what the relay does. What
// is wrong with one message is in its Err; an error is about the payload as a whole.
func Open(payload []byte) ([]Stored, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(payload), jsontext.AllowDuplicateNames(true))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '[' {
		return nil, errors.New("payload of a batch is an array of messages")
	}
	var list []Stored
	for dec.PeekKind() != ']' {
		var s Stored
		var err error
		if s.Raw, s.Err, err = s.read(dec, payload); err != nil {
			return nil, fmt.Errorf("message %d in the payload: %w", len(list)+1, err)
		}
		if s.Err == nil {
			s.Err = s.check()
		}
		list = append(list, s)
	}
	for i := range list {
		if list[i].Err != nil {
			list[i].Err = fmt.Errorf("message %d of %d in the payload: %w", i+1, len(list), list[i].Err)
		}
	}
	return list, nil
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
