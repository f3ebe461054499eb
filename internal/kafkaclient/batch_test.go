package kafkaclient

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// encoded is a batch as the broker would have it: written by the library, then given its
// offset, producer and attributes.
func encoded(t testing.TB, first, producer int64, attributes protocol.Attributes, records ...protocol.Record) []byte {
	t.Helper()
	var buf bytes.Buffer
	set := protocol.RecordSet{Version: 2, Attributes: attributes, Records: protocol.NewRecordReader(records...)}
	if _, err := set.WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	b := buf.Bytes()[4:]
	binary.BigEndian.PutUint64(b, uint64(first))
	binary.BigEndian.PutUint64(b[placeProducer:], uint64(producer))
	binary.BigEndian.PutUint32(b[placeCRC:], crc32.Checksum(b[placeAttributes:], castagnoli))
	return b
}

func record(key, value string) protocol.Record {
	return protocol.Record{Time: time.UnixMilli(1_700_000_000_123), Key: kafka.NewBytes([]byte(key)), Value: kafka.NewBytes([]byte(value))}
}

const transactional, control = protocol.Attributes(transactionalBit), protocol.Attributes(controlBit)

// marker ends a transaction: kind 0 aborts, 1 commits.
func marker(t testing.TB, at, producer int64, kind byte) []byte {
	return encoded(t, at, producer, transactional|control, record(string([]byte{0, 0, 0, kind}), "\x00\x00\x00\x00\x00\x00"))
}

// read takes an answer apart: "kind first-last value value".
func read(t testing.TB, f *Fetched) (list []string) {
	t.Helper()
	for {
		b, err := f.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			return append(list, err.Error())
		}
		s := fmt.Sprintf("%d %d-%d", b.Kind, b.First, b.Last)
		if b.Kind != Marker {
			if err := b.Messages(func(m kafka.Message) bool { s += fmt.Sprintf(" %d:%s", m.Offset, m.Value); return true }); err != nil {
				s += " " + err.Error()
			}
		}
		list = append(list, s)
	}
}

// TestAborted: transactions of two producers, one after the other and interleaved, and
// messages of none; some begin before the answer does.
func TestAborted(t *testing.T) {
	t.Parallel()
	f := &Fetched{aborted: []abortedTransaction{{7, 3}, {8, 12}, {7, 16}}, batches: slices.Concat(
		encoded(t, 10, 7, transactional, record("a", "x10"), record("a", "x11")), // began at 3
		encoded(t, 12, 8, transactional, record("a", "x12")),
		encoded(t, 13, -1, 0, record("a", "m13")),
		marker(t, 14, 7, 0),
		encoded(t, 15, 7, transactional, record("a", "m15")), // the next one of 7 is committed
		marker(t, 16, 7, 1),
		encoded(t, 17, 7, transactional, record("a", "x17")), // its first offset may lie before
		encoded(t, 18, 8, 0, record("a", "m18")),             // not in its transaction
		marker(t, 19, 8, 0),
		encoded(t, 20, 8, transactional, record("a", "m20")),
		marker(t, 21, 8, 1),
		marker(t, 22, 7, 0),
		encoded(t, 23, 7, transactional, record("a", "m23"), record("a", "m24")),
	)}
	// The transaction of 7 that is aborted at 22 begins at 17; brokers say so.
	f.aborted[2].first = 17
	want := []string{
		"1 10-11 10:x10 11:x11", "1 12-12 12:x12", "0 13-13 13:m13", "2 14-14", "0 15-15 15:m15", "2 16-16", "1 17-17 17:x17", "0 18-18 18:m18",
		"2 19-19", "0 20-20 20:m20", "2 21-21", "2 22-22", "0 23-24 23:m23 24:m24",
	}
	if got := read(t, f); !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

// TestBatches: every compression, keys and values that are missing or empty, headers, old formats.
func TestBatches(t *testing.T) {
	t.Parallel()
	value := strings.Repeat("0123456789", 500)
	for c := kafka.Compression(0); c <= kafka.Zstd; c++ {
		records := []protocol.Record{
			record("k", value),
			{Time: time.UnixMilli(1_700_000_000_456), Value: kafka.NewBytes([]byte{}), Headers: []kafka.Header{{Key: "tenant", Value: []byte("acme")}, {Key: "empty"}}},
			{Time: time.UnixMilli(1), Key: kafka.NewBytes([]byte{})},
		}
		f := &Fetched{batches: encoded(t, 1<<40, -1, protocol.Attributes(c), records...)}
		b, err := f.Next()
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		var got []kafka.Message
		if err := b.Messages(func(m kafka.Message) bool { got = append(got, m); return true }); err != nil || len(got) != 3 {
			t.Fatalf("%v: %d messages, %v", c, len(got), err)
		}
		if m := got[0]; m.Offset != 1<<40 || string(m.Key) != "k" || string(m.Value) != value || m.Time.UnixMilli() != 1_700_000_000_123 || m.Headers != nil {
			t.Errorf("%v: %+v", c, m)
		}
		if m := got[1]; m.Offset != 1<<40+1 || m.Key != nil || m.Value == nil || len(m.Value) != 0 || len(m.Headers) != 2 || string(m.Headers[0].Value) != "acme" || m.Headers[1].Value != nil {
			t.Errorf("%v: %+v", c, m)
		}
		if m := got[2]; m.Key == nil || m.Value != nil || m.Time.UnixMilli() != 1 {
			t.Errorf("%v: %+v", c, m)
		}
	}
	var old bytes.Buffer
	set := protocol.RecordSet{Version: 1, Records: protocol.NewRecordReader(record("k", "one"), record("k", "two"))}
	if _, err := set.WriteTo(&old); err != nil {
		t.Fatal(err)
	}
	if got := read(t, &Fetched{batches: append(old.Bytes()[4:], encoded(t, 9, -1, 0, record("k", "new"))...)}); !slices.Equal(got, []string{"0 0-0 0:one", "0 1-1 1:two", "0 9-9 9:new"}) {
		t.Errorf("of format 1 and 2: %q", got)
	}
}

// TestDamagedBatches: what is cut off comes again; what is damaged is an error and no message.
func TestDamagedBatches(t *testing.T) {
	t.Parallel()
	whole := encoded(t, 5, -1, 0, record("k", "value"))
	for n := range whole {
		if got := read(t, &Fetched{batches: whole[:n]}); got != nil {
			t.Errorf("cut at %d: %q", n, got)
		}
	}
	for i := placeMagic; i < len(whole); i++ {
		b := slices.Clone(whole)
		b[i] ^= 0x10
		if got := read(t, &Fetched{batches: b}); len(got) != 1 || strings.Contains(got[0], "value") {
			t.Errorf("byte %d: %q", i, got)
		}
	}
}

// FuzzFetched: whatever a broker answers is messages or an error.
func FuzzFetched(f *testing.F) {
	f.Add(int16(4), slices.Concat(make([]byte, 40), encoded(f, 5, 7, transactional, record("k", "v"))))
	f.Fuzz(func(t *testing.T, version int16, answer []byte) {
		var res fetchResponse
		_ = res.read(&wire{b: answer}, 4+version&7)
		read(t, &Fetched{batches: answer, aborted: res.aborted})
		read(t, &res.Fetched)
	})
}
