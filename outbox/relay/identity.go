package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"sluice/internal/kafkaclient"
)

// errFenced: a relay that leads since has written to the topic partition.
var errFenced = errors.New("another relay leads: the brokers refuse what comes from this one")

// errEpoch: what became of an earlier request is not known, and the epoch is still the same.
var errEpoch = errors.New("an earlier request is in doubt; it is sent again in a new epoch")

// identity is by what right this relay writes. The producer id is that of all relays of the
// database, the epoch this leader's: a request of one that led before, which was on its way
// somewhere, lands before the first one of ours in its topic partition or not at all.
// docs/design/0023-relay-fence.md.
type identity struct {
	mu     sync.Mutex
	who    *kafkaclient.Identity // nil: not known yet
	places map[topicPartition]*sequence
	doubt  bool // a topic partition needs a new epoch
}

type topicPartition struct {
	topic     string
	partition int
}

// sequence is where a topic partition is. One goroutine at a time uses it.
type sequence struct {
	who   kafkaclient.Identity
	next  int32
	doubt bool // whether the last batch was written is not known
}

// begin forgets everything: another relay may have led meanwhile.
func (i *identity) begin() { i.adopt(nil) }

// adopt takes a new epoch. Topic partitions that are not in doubt stay with theirs.
func (i *identity) adopt(who *kafkaclient.Identity) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.who = who; who == nil {
		i.places = map[topicPartition]*sequence{}
	}
	i.doubt = false
}

// current is nil where there is none yet.
func (i *identity) current() *kafkaclient.Identity {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.who
}

// wanted reports whether a topic partition waits for a new epoch.
func (i *identity) wanted() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.doubt
}

// at returns the place of a topic partition.
func (i *identity) at(topic string, partition int) (*sequence, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	tp := topicPartition{topic, partition}
	s := i.places[tp]
	switch {
	case i.who == nil:
		return nil, errEpoch
	case s == nil || s.doubt && s.who != *i.who:
		s = &sequence{who: *i.who}
		i.places[tp] = s
	case s.doubt:
		i.doubt = true
		return nil, errEpoch
	}
	return s, nil
}

// suspect notes that nobody knows whether the last batch of s was written. If it was, the next
// one may not begin with the same number; if it comes later, it must not land behind.
func (i *identity) suspect(s *sequence) {
	i.mu.Lock()
	defer i.mu.Unlock()
	s.doubt, i.doubt = true, true
}

// ask asks the brokers for a producer id, in case the database has none for this cluster.
func (p *producer) ask(ctx context.Context, topic string) (*kafkaclient.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	who, err := p.broker.NewProducer(ctx, p.transport, topic)
	if err == nil {
		return &who, nil
	}
	p.forget()
	if errors.Is(err, kafkaclient.ErrNoIdentity) {
		return nil, fmt.Errorf("%w; or run with --relay-fence=false, without the fence against a relay that led before", err)
	}
	return nil, fmt.Errorf("topic %s: %w", topic, plain(err))
}

// judge finds out what an answer means for the place of a topic partition. final: trying
// the same again does not help.
func (p *producer) judge(s *sequence, n int, err error) (final bool, _ error) {
	var code kafka.Error
	switch {
	case err == nil:
		s.next, s.doubt = kafkaclient.NextSequence(s.next, n), false
		return true, nil
	case errors.Is(err, kafka.InvalidProducerEpoch) || errors.Is(err, kafka.ProducerFenced):
		return true, fmt.Errorf("%w: %w", errFenced, plain(err))
	case errors.Is(err, kafka.OutOfOrderSequenceNumber) || errors.Is(err, kafka.UnknownProducerId):
		// The broker knows of another batch than we do.
		p.identity.suspect(s)
		return true, err
	case errors.As(err, &code) && !errors.Is(err, kafka.RequestTimedOut) && !errors.Is(err, kafka.NotEnoughReplicasAfterAppend):
		return false, err // the broker says that it did not write it
	case errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition) || errors.Is(err, protocol.ErrNoLeader) || errors.Is(err, syscall.ECONNREFUSED):
		return false, err // nobody got it
	}
	s.doubt = true // until a later try is answered
	return false, err
}
