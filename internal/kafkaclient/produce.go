package kafkaclient

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
)

// Identity is who writes: brokers take the batches of a producer in the order of their
// sequence numbers, one that they have already only once, and refuse those of an epoch older
// than one that they have seen in that topic partition.
type Identity struct {
	Cluster  string // id of the cluster that gave the number
	Producer int64
	Epoch    int16
}

// LastEpoch is the highest that there is.
const LastEpoch = math.MaxInt16

// ErrNoIdentity: the brokers give us no producer id.
var ErrNoIdentity = errors.New("no producer id from the brokers")

// NewProducer asks for a producer id that nobody has, and which cluster gave it.
func (b *Broker) NewProducer(ctx context.Context, t *kafka.Transport, topic string) (Identity, error) {
	meta, err := b.ClientOf(t).Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return Identity{}, err
	}
	res, err := t.RoundTrip(ctx, b.Addr(), &producerRequest{clientID: b.clientID})
	if err != nil {
		return Identity{}, err
	}
	answer := res.(*initproducerid.Response)
	switch code := kafka.Error(answer.ErrorCode); {
	case errors.Is(code, kafka.ClusterAuthorizationFailed):
		return Identity{}, fmt.Errorf("%w: %w; allow this user Write on the topics, before Kafka 3.0 IdempotentWrite on the cluster", ErrNoIdentity, code)
	case answer.ErrorCode != 0:
		return Identity{}, fmt.Errorf("ask for a producer id: %w", code)
	}
	return Identity{Cluster: meta.ClusterID, Producer: answer.ProducerID}, nil
}

// producerRequest asks any broker. The library would ask the coordinator of the transactional
// id "" instead, which wants rights of its own.
type producerRequest struct {
	clientID string
	version  int16
	known    bool
}

func (*producerRequest) ApiKey() protocol.ApiKey { return protocol.InitProducerId }

// Required implements protocol.RawExchanger.
func (r *producerRequest) Required(versions map[protocol.ApiKey]int16) bool {
	r.version, r.known = versions[protocol.InitProducerId]
	return true
}

// RawExchange implements protocol.RawExchanger.
func (r *producerRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if !r.known {
		return nil, fmt.Errorf("%w: they do not know the request", ErrNoIdentity)
	}
	return protocol.RoundTrip(rw, r.version, correlation, r.clientID, &initproducerid.Request{ProducerID: -1, ProducerEpoch: -1, TransactionTimeoutMs: 60_000})
}

// Produce writes records, with acks=all, as one batch of a producer: its first record has the
// sequence number given. The library's own requests have no room for that.
func (b *Broker) Produce(ctx context.Context, t *kafka.Transport, topic string, partition int, who Identity, sequence int32, c kafka.Compression, records []kafka.Record) error {
	var buf bytes.Buffer
	set := protocol.RecordSet{Version: 2, Attributes: protocol.Attributes(c), Records: protocol.NewRecordReader(records...)}
	if _, err := set.WriteTo(&buf); err != nil {
		return fmt.Errorf("encode %d records for %s/%d: %w", len(records), topic, partition, err)
	}
	batch := buf.Bytes()[4:] // after its size
	binary.BigEndian.PutUint64(batch[placeProducer:], uint64(who.Producer))
	binary.BigEndian.PutUint16(batch[placeEpoch:], uint16(who.Epoch))
	binary.BigEndian.PutUint32(batch[placeSequence:], uint32(sequence))
	binary.BigEndian.PutUint32(batch[placeCRC:], crc32.Checksum(batch[placeAttributes:], castagnoli))
	res, err := b.ClientOf(t).RawProduce(ctx, &kafka.RawProduceRequest{
		Topic: topic, Partition: partition, RequiredAcks: kafka.RequireAll, RawRecords: protocol.RawRecordSet{Reader: &buf},
	})
	if err != nil {
		return err
	}
	if errors.Is(res.Error, kafka.DuplicateSequenceNumber) {
		return nil // an earlier try of the same batch
	}
	return res.Error
}

// NextSequence is the number after n more records. It starts again at 0 after the highest.
func NextSequence(sequence int32, n int) int32 {
	return int32((int64(sequence) + int64(n)) % (math.MaxInt32 + 1))
}
