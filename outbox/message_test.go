package outbox

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func message(data string) Message {
	return Message{
		ID: "0198f5c0-0000-7000-8000-000000000001", Key: []byte("pkg:npm/a?b=c&d"), Type: "dev.sluice.receipt.v1",
		Time: time.Date(2026, 11, 23, 14, 30, 0, 123456000, time.UTC), Subject: "sluice.sbom/3@1842", Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Data: json.RawMessage(data),
	}
}

func TestMessageJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(message(`{"outcome":"accepted"}`))
	if err != nil {
		t.Fatal(err)
	}
	// The form of docs/kafka.md.
	want := `{"id":"0198f5c0-0000-7000-8000-000000000001","key":"pkg:npm/a?b=c\u0026d","type":"dev.sluice.receipt.v1","time":"2026-11-23T14:30:00.123456Z",` +
		`"subject":"sluice.sbom/3@1842","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","data":{"outcome":"accepted"}}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	for name, key := range map[string][]byte{"none": nil, "empty": {}, "text": []byte("ключ"), "binary": {0xff, 0x00}, "NUL": []byte("a\x00b")} {
		m := message(`[1,"a"]`)
		m.Key = key
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back Message
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Errorf("key %s: %s", name, diff)
		}
	}
}

// TestMessageStorable: what jsonb refuses is replaced, the rest is left alone.
func TestMessageStorable(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`{"a":"x\u0000y"}`:         `{"a":"x\ufffdy"}`,
		`{"a":"x\\u0000y"}`:        `{"a":"x\\u0000y"}`,
		`{"a":"\\\u0000"}`:         `{"a":"\\\ufffd"}`,
		`"\ud83d\ude00"`:           `"\ud83d\ude00"`,
		`"\uD83D"`:                 `"\ufffd"`,
		`"\ude00\ud83d"`:           `"\ufffd\ufffd"`,
		`"\ud83d\u0041"`:           `"\ufffd\u0041"`,
		`"\ud83d\ud83d\ude00"`:     `"\ufffd\ud83d\ude00"`,
		"\"a\xffb\"":               "\"a\uFFFDb\"",
		`"\n\t\"` + "\u2028" + `"`: `"\n\t\"` + "\u2028" + `"`,
	} {
		text, err := message(data).MarshalJSON()
		if err != nil {
			t.Errorf("%s: %v", data, err)
			continue
		}
		_, got, _ := bytes.Cut(text, []byte(`"data":`))
		if g := strings.TrimSuffix(string(got), "}"); g != want {
			t.Errorf("%s became %s, want %s", data, g, want)
		}
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	many := func(n, size int) []Message {
		list := make([]Message, n)
		for i := range list {
			list[i] = message(`"` + strings.Repeat("x", size) + `"`)
		}
		return list
	}
	for name, tc := range map[string]struct {
		msgs []Message
		want []int
	}{
		"none":      {nil, nil},
		"one":       {many(1, 10), []int{1}},
		"500":       {many(500, 10), []int{500}},
		"501":       {many(501, 10), []int{500, 1}},
		"by bytes":  {many(10, 300_000), []int{3, 3, 3, 1}},
		"one large": {append(many(2, 10), append(many(1, 2<<20), many(2, 10)...)...), []int{2, 1, 2}},
	} {
		rows, err := Rows(Receipts, tc.msgs)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []int
		var all []Message
		for _, r := range rows {
			var msgs []Message
			if err := json.Unmarshal(r.Payload, &msgs); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(msgs) != r.Messages || r.Topic != Receipts || len(r.Payload) > maxRowBytes && len(msgs) > 1 {
				t.Errorf("%s: a row says %d messages for %s, and has %d in %d bytes", name, r.Messages, r.Topic, len(msgs), len(r.Payload))
			}
			got = append(got, r.Messages)
			all = append(all, msgs...)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if !reflect.DeepEqual(tc.msgs, all) {
			t.Errorf("%s: not the same messages in the same order", name)
		}
	}
}

func TestRowsErrors(t *testing.T) {
	t.Parallel()
	spoil := func(f func(*Message)) []Message {
		m := message(`1`)
		f(&m)
		return []Message{message(`1`), m}
	}
	for want, msgs := range map[string][]Message{
		"message 2 of 2 for findings, id \"\": it has no id": spoil(func(m *Message) { m.ID = "" }),
		"it has no type":    spoil(func(m *Message) { m.Type = "" }),
		"it has no data":    spoil(func(m *Message) { m.Data = nil }),
		"invalid character": spoil(func(m *Message) { m.Data = json.RawMessage("{x") }),
	} {
		if _, err := Rows(Findings, msgs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if _, err := Rows("", spoil(func(*Message) {})); err == nil {
		t.Error("rows without a topic")
	}
}

// FuzzOpen: whatever lies in a payload, it is read or refused; what is read as a message can
// be written again and says the same.
func FuzzOpen(f *testing.F) {
	text, err := message(`{"a":[1,"x"]}`).MarshalJSON()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"[" + string(text) + "]", "[]", "{}", "", `[1,{"id":2}]`, `[{"id":"a","type":"t","data":null,"key64":"AA=="}]`, `[{"id":"a","id":"b"}`, `[{"time":"x","data":}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		list, err := Open(payload)
		if err != nil {
			return
		}
		for _, s := range list {
			if !bytes.Contains(payload, s.Raw) || len(s.Raw) == 0 {
				t.Fatalf("%q is no part of %q", s.Raw, payload)
			}
			if s.Err != nil || s.Time.Year() > 9999 || s.Time.Year() < 0 {
				continue
			}
			again, err := s.MarshalJSON()
			if err != nil {
				t.Fatalf("%q: %v", s.Raw, err)
			}
			var back Message
			if err := back.UnmarshalJSON(again); err != nil || back.ID == "" || !back.Time.Equal(s.Time) {
				t.Fatalf("%q became %q: %v", s.Raw, again, err)
			}
		}
	})
}
