package kafkaclient

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// checkTimeout bounds Check and Metadata where ctx has no deadline of its own.
const checkTimeout = 5 * time.Second

// UnreadyError says what of Kafka is not there.
type UnreadyError struct {
	Brokers    string   // those that were asked
	Err        error    // why there was no answer at all; nil where there was one
	Missing    []string // topics that do not exist, or that we may not see
	Leaderless []string // topic partitions, as topic/3, that no broker serves now
}

func (e *UnreadyError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("kafka: no broker of %s answers: %v", e.Brokers, e.Err)
	}
	var parts []string
	if len(e.Missing) > 0 {
		parts = append(parts, "no topic "+strings.Join(e.Missing, ", ")+" (`sluice topics create` makes them; or this user may not see them)")
	}
	if len(e.Leaderless) > 0 {
		parts = append(parts, "no leader for "+strings.Join(e.Leaderless, ", "))
	}
	return fmt.Sprintf("kafka at %s: %s", e.Brokers, strings.Join(parts, "; "))
}

func (e *UnreadyError) Unwrap() error { return e.Err }

// Check asks a broker, over a new connection, whether all topics are there and have
// leaders. With no topics it asks only whether there is a broker. What is not there comes as
// an UnreadyError; without a deadline in ctx it takes 5 seconds at most.
func (b *Broker) Check(ctx context.Context, topics ...string) error {
	if len(topics) == 0 {
		topics = []string{} // nil would mean all
	}
	meta, err := b.metadata(ctx, topics)
	if err != nil {
		return err
	}
	unready := &UnreadyError{Brokers: b.String()}
	for _, t := range meta.Topics {
		if t.Error != nil || len(t.Partitions) == 0 {
			unready.Missing = append(unready.Missing, t.Name)
			continue
		}
		for _, p := range t.Partitions {
			if p.Leader.Host == "" {
				unready.Leaderless = append(unready.Leaderless, fmt.Sprintf("%s/%d", t.Name, p.ID))
			}
		}
	}
	if len(unready.Missing)+len(unready.Leaderless) > 0 {
		return unready
	}
	return nil
}

// Metadata asks a broker, over a new connection, for the topics named, or for all of them
// where none is. A topic that is missing has an Error.
func (b *Broker) Metadata(ctx context.Context, topics ...string) (*kafka.MetadataResponse, error) {
	return b.metadata(ctx, topics)
}

func (b *Broker) metadata(ctx context.Context, topics []string) (*kafka.MetadataResponse, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, checkTimeout)
		defer cancel()
	}
	fresh := b.NewTransport(checkTimeout, topics...)
	defer fresh.CloseIdleConnections()
	meta, err := b.ClientOf(fresh).Metadata(ctx, &kafka.MetadataRequest{Topics: topics})
	if err != nil {
		return nil, &UnreadyError{Brokers: b.String(), Err: Cause(err)}
	}
	return meta, nil
}

// Cause leaves out what the library puts before its errors: names of its own functions,
// which help nobody.
func Cause(err error) error {
	for errors.Unwrap(err) != nil && strings.HasPrefix(err.Error(), "kafka.(*Client)") {
		err = errors.Unwrap(err)
	}
	return err
}
