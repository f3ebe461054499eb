package kafkaclient

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol"
)

// Kind is what a batch holds.
type Kind int

const (
	// Data: messages.
	Data Kind = iota
	// Aborted: messages of a transaction that was aborted. Nobody is to see them.
	Aborted
	// Marker: the broker's own note, such as that a transaction ended.
	Marker
)

// Batch is a stretch of offsets of a log: messages, some of which compaction may have
// removed, or what is no message.
type Batch struct {
	First, Last int64 // offsets
	Kind        Kind

	head       []byte
	records    []byte // as they are stored
	attributes int16
}

// Where things stand in a batch of format 2 (Kafka 0.11), and its attributes.
const (
	placeLength, placeMagic, placeCRC, placeAttributes       = 8, 16, 17, 21
	placeLastDelta, placeFirstTime                           = 23, 27
	placeProducer, placeEpoch, placeSequence, placeNum       = 43, 51, 53, 57
	headLength                                               = 61
	compressionBits, transactionalBit, controlBit      int16 = 7, 1 << 4, 1 << 5
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Next returns the next batch of the answer; io.EOF after the last. The last one in the log's
// order may be cut off: it comes whole with the next fetch.
func (f *Fetched) Next() (Batch, error) {
	if len(f.batches) <= placeMagic {
		return Batch{}, io.EOF
	}
	first, length := int64(binary.BigEndian.Uint64(f.batches)), int(int32(binary.BigEndian.Uint32(f.batches[placeLength:])))
	end := placeLength + 4 + length
	if length < 0 || end > len(f.batches) {
		return Batch{}, io.EOF
	}
	raw := f.batches[:end:end]
	f.batches = f.batches[end:]
	switch {
	case len(raw) > placeMagic && raw[placeMagic] < 2:
		return oldBatch(raw)
	case len(raw) < headLength || raw[placeMagic] > 2:
		return Batch{}, fmt.Errorf("the batch at offset %d has %d bytes and is of no format that is known", first, len(raw))
	}
	if sum := crc32.Checksum(raw[placeAttributes:], castagnoli); sum != binary.BigEndian.Uint32(raw[placeCRC:]) {
		return Batch{}, fmt.Errorf("the batch at offset %d has a wrong check sum", first)
	}
	b := Batch{
		First: first, Last: first + int64(binary.BigEndian.Uint32(raw[placeLastDelta:])),
		head: raw[:headLength], records: raw[headLength:], attributes: int16(binary.BigEndian.Uint16(raw[placeAttributes:])),
	}
	return b, f.judge(&b)
}

// judge finds out whether a batch is of an aborted transaction, as the protocol has it: from
// the first offset of one on, its producer's transactional batches are, up to the marker.
func (f *Fetched) judge(b *Batch) error {
	producer := int64(binary.BigEndian.Uint64(b.head[placeProducer:]))
	for len(f.aborted) > 0 && f.aborted[0].first <= b.Last {
		if f.ended == nil {
			f.ended = map[int64]bool{}
		}
		f.ended[f.aborted[0].producer] = true
		f.aborted = f.aborted[1:]
	}
	switch {
	case b.attributes&controlBit != 0:
		b.Kind = Marker
		abort, err := b.abortMarker()
		if err != nil {
			return err
		}
		if abort {
			delete(f.ended, producer)
		}
	case b.attributes&transactionalBit != 0 && f.ended[producer]:
		b.Kind = Aborted
	}
	return nil
}

// abortMarker reports whether a marker says that a transaction was aborted: the second
// number of its key is 0.
func (b *Batch) abortMarker() (bool, error) {
	abort := false
	err := b.Messages(func(m kafka.Message) bool {
		abort = len(m.Key) >= 4 && binary.BigEndian.Uint16(m.Key[2:]) == 0
		return false
	})
	return abort, err
}

// Messages calls yield for each record, until that returns false. Keys and values share the
// memory of the batch. Topic, Partition and HighWaterMark are not set.
func (b *Batch) Messages(yield func(kafka.Message) bool) error {
	if b.head == nil {
		return b.oldMessages(yield)
	}
	w := wire{b: b.records}
	if c := compress.Compression(b.attributes & compressionBits); c != compress.None {
		codec := c.Codec()
		if codec == nil {
			return fmt.Errorf("the batch at offset %d is compressed by method %d, which is not known", b.First, c)
		}
		unpacked, err := unpack(codec, b.records)
		if err != nil {
			return fmt.Errorf("unpack the batch at offset %d: %w", b.First, err)
		}
		w.b = unpacked
	}
	began := int64(binary.BigEndian.Uint64(b.head[placeFirstTime:]))
	for range binary.BigEndian.Uint32(b.head[placeNum:]) {
		r := wire{b: w.varbytes(), err: w.err}
		r.skip(1) // attributes
		at, offset := began+r.varint(), b.First+r.varint()
		m := kafka.Message{Offset: offset, Key: r.varbytes(), Value: r.varbytes(), Time: time.UnixMilli(at)}
		if n := r.varint(); n > 0 && n <= int64(len(r.b)) {
			m.Headers = make([]kafka.Header, n)
			for i := range m.Headers {
				m.Headers[i] = kafka.Header{Key: string(r.varbytes()), Value: r.varbytes()}
			}
		}
		if r.err != nil {
			return fmt.Errorf("the batch at offset %d is cut short: %w", b.First, r.err)
		}
		if !yield(m) {
			return nil
		}
	}
	return nil
}

func unpack(codec compress.Codec, packed []byte) ([]byte, error) {
	r := codec.NewReader(bytes.NewReader(packed))
	defer r.Close()
	var out bytes.Buffer
	out.Grow(min(4*len(packed), 1<<20))
	_, err := out.ReadFrom(r)
	return out.Bytes(), err
}

// oldBatch is one of the formats before transactions (0 and 1), which a topic may still hold.
func oldBatch(raw []byte) (Batch, error) {
	b := Batch{records: raw}
	list, err := b.old()
	if err != nil || len(list) == 0 {
		return b, errors.Join(err, fmt.Errorf("a message of format %d cannot be read", raw[placeMagic]))
	}
	b.First, b.Last = list[0].Offset, list[len(list)-1].Offset
	return b, nil
}

func (b *Batch) oldMessages(yield func(kafka.Message) bool) error {
	list, err := b.old()
	for _, m := range list {
		if !yield(m) {
			break
		}
	}
	return err
}

// old reads the old formats by the library.
func (b *Batch) old() ([]kafka.Message, error) {
	var set protocol.RecordSet
	size := binary.BigEndian.AppendUint32(nil, uint32(len(b.records)))
	if _, err := set.ReadFrom(bytes.NewReader(slices.Concat(size, b.records))); err != nil {
		return nil, err
	}
	var list []kafka.Message
	for set.Records != nil {
		r, err := set.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return list, err
		}
		m := kafka.Message{Offset: r.Offset, Time: r.Time}
		if m.Key, err = readAll(r.Key); err != nil {
			return list, err
		}
		if m.Value, err = readAll(r.Value); err != nil {
			return list, err
		}
		list = append(list, m)
	}
	return list, nil
}

// readAll keeps the difference between nothing and no bytes.
func readAll(b protocol.Bytes) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	return protocol.ReadAll(b)
}
