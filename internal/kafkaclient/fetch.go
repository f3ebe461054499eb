package kafkaclient

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// FetchRequest asks for what a topic partition holds from an offset on.
type FetchRequest struct {
	Topic     string
	Partition int
	Offset    int64
	// MaxBytes of the answer, as they lie in the log; a batch that is larger comes alone.
	MaxBytes int
	// MaxWait is how long the broker waits for the first byte.
	MaxWait time.Duration
}

// Fetched is the answer: the batches as the broker has them, of committed transactions, of
// aborted ones, and the markers that tell which is which. Next takes them apart.
//
// kafka.Reader and kafka.Client.Fetch ask for committed messages too, but leave out none:
// to the broker that only means to end before the first transaction that is still open.
// docs/design/0020-read-committed.md.
type Fetched struct {
	// HighWatermark is the end of the log, LastStable the first offset of a transaction that
	// is still open, or the end where none is. Nothing from there on is in the answer.
	HighWatermark, LastStable int64
	// Conn is another value where the answer came by another connection.
	Conn any

	batches []byte
	aborted []abortedTransaction // by first offset, those that Next has not reached
	ended   map[int64]bool       // producers whose messages are of an aborted transaction, where Next is
}

// abortedTransaction is one of which there may be messages in the answer.
type abortedTransaction struct{ producer, first int64 }

// Fetch asks the leader of the topic partition, as t knows it.
func (b *Broker) Fetch(ctx context.Context, t *kafka.Transport, r FetchRequest) (*Fetched, error) {
	res, err := t.RoundTrip(ctx, b.Addr(), &fetchRequest{clientID: b.clientID, Request: &fetch.Request{
		ReplicaID: -1, MaxWaitTime: int32(r.MaxWait.Milliseconds()), MinBytes: 1, MaxBytes: int32(r.MaxBytes),
		IsolationLevel: int8(kafka.ReadCommitted), SessionEpoch: -1,
		Topics: []fetch.RequestTopic{{Topic: r.Topic, Partitions: []fetch.RequestPartition{{
			Partition: int32(r.Partition), CurrentLeaderEpoch: -1, FetchOffset: r.Offset, LogStartOffset: -1, PartitionMaxBytes: int32(r.MaxBytes),
		}}}},
	}})
	if err != nil {
		return nil, fmt.Errorf("fetch from %s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	answer := res.(*fetchResponse)
	if answer.code != 0 {
		return nil, fmt.Errorf("fetch from %s/%d@%d: %w", r.Topic, r.Partition, r.Offset, kafka.Error(answer.code))
	}
	return &answer.Fetched, nil
}

// fetchRequest is sent by the library, by its rules of who leads, and read by ourselves: the
// library would unpack all batches at once, and the list of aborted transactions would be lost.
type fetchRequest struct {
	*fetch.Request
	clientID string
	version  int16
}

// Required implements protocol.RawExchanger. It is told what the broker speaks.
func (r *fetchRequest) Required(versions map[protocol.ApiKey]int16) bool {
	r.version = versions[protocol.Fetch]
	return true
}

// minFetchVersion is the first that knows of transactions: Kafka 0.11.
const minFetchVersion = 4

// correlation numbers the only request that is under way on a connection.
const correlation = 1

// RawExchange implements protocol.RawExchanger.
func (r *fetchRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if r.version < minFetchVersion {
		return nil, errors.New("the broker is older than Kafka 0.11")
	}
	if err := protocol.WriteRequest(rw, r.version, correlation, r.clientID, r.Request); err != nil {
		return nil, err
	}
	frame, err := readFrame(rw)
	if err != nil {
		return nil, err
	}
	res := &fetchResponse{Fetched: Fetched{Conn: rw}}
	if err := res.read(&wire{b: frame}, r.version); err != nil {
		return nil, fmt.Errorf("answer of the broker to a fetch: %w", err)
	}
	return res, nil
}

// maxFrame is Kafka's own limit for a message in the log, and some.
const maxFrame = 1<<30 + 1<<20

// readFrame reads the answer to the request of number correlation.
func readFrame(r io.Reader) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size, number := binary.BigEndian.Uint32(head[:4]), binary.BigEndian.Uint32(head[4:])
	if size < 4 || size > maxFrame || number != correlation {
		return nil, fmt.Errorf("the broker sends %d bytes as the answer to request %d", size, number)
	}
	frame := make([]byte, size-4)
	_, err := io.ReadFull(r, frame)
	return frame, err
}

type fetchResponse struct {
	Fetched
	code int16
}

func (*fetchResponse) ApiKey() protocol.ApiKey { return protocol.Fetch }

// read takes an answer of versions 4 to 11 about one topic partition apart.
func (f *fetchResponse) read(w *wire, version int16) error {
	w.skip(4) // throttle time
	if version >= 7 {
		f.code = w.int16()
		w.skip(4) // session
	}
	if n := w.int32(); n != 1 {
		if f.code != 0 {
			return nil
		}
		return fmt.Errorf("it is about %d topics", n)
	}
	w.skip(int(w.int16())) // name
	if n := w.int32(); n != 1 {
		return fmt.Errorf("it is about %d topic partitions", n)
	}
	w.skip(4) // number
	if code := w.int16(); code != 0 {
		f.code = code
	}
	f.HighWatermark, f.LastStable = w.int64(), w.int64()
	if version >= 5 {
		w.skip(8) // first offset
	}
	for range max(0, w.int32()) {
		f.aborted = append(f.aborted, abortedTransaction{producer: w.int64(), first: w.int64()})
		if w.err != nil {
			return w.err
		}
	}
	if version >= 11 {
		w.skip(4) // preferred replica
	}
	if n := int(w.int32()); n > 0 {
		f.batches = w.bytes(n)
	}
	return w.err
}

// wire reads what Kafka writes: big-endian numbers, variable-length ones, bytes. After an
// error everything is zero.
type wire struct {
	b   []byte
	err error
}

func (w *wire) bytes(n int) []byte {
	if w.err == nil && (n < 0 || n > len(w.b)) {
		w.err = io.ErrUnexpectedEOF
	}
	if w.err != nil {
		return nil
	}
	b := w.b[:n:n]
	w.b = w.b[n:]
	return b
}

func (w *wire) skip(n int) { w.bytes(n) }

func (w *wire) int16() int16 {
	if b := w.bytes(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (w *wire) int32() int32 {
	if b := w.bytes(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (w *wire) int64() int64 {
	if b := w.bytes(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (w *wire) varint() int64 {
	if w.err != nil {
		return 0
	}
	v, n := binary.Varint(w.b)
	if n <= 0 {
		w.err = io.ErrUnexpectedEOF
		return 0
	}
	w.b = w.b[n:]
	return v
}

// varbytes are bytes after their length; nil where that is -1.
func (w *wire) varbytes() []byte {
	n := w.varint()
	if n < 0 {
		return nil
	}
	if n > int64(len(w.b)) {
		w.err = io.ErrUnexpectedEOF
		return nil
	}
	return w.bytes(int(n))
}
