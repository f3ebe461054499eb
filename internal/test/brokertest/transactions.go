package brokertest

import (
	"context"
	"errors"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/internal/test/brokertest/apache"
)

// Transactions are producers by name, each with a transaction of its own.
type Transactions struct {
	t    testing.TB
	impl interface {
		Send(producer, topic string, m kafka.Message) error
		End(producer string, commit bool) error
	}
}

// Transactions starts the producers: Apache's own, of Java, where the cluster is real, which
// skips the test where there is no JDK; franz-go's on kfake.
func (c *Cluster) Transactions(t testing.TB) *Transactions {
	t.Helper()
	if !c.Real() {
		f := &fakeTransactions{addrs: c.addrs, clients: map[string]*kgo.Client{}, open: map[string]bool{}}
		t.Cleanup(f.close)
		return &Transactions{t, f}
	}
	j, err := apache.StartTransactions(context.Background(), t.TempDir(), c.Addr())
	if errors.Is(err, apache.ErrNoJava) {
		t.Skipf("brokertest: %v", err)
	}
	if err != nil {
		t.Fatalf("brokertest: %v", err)
	}
	t.Cleanup(j.Close)
	return &Transactions{t, j}
}

// Send sends a message in the transaction of a producer, which begins where none is open.
func (x *Transactions) Send(producer, topic string, msgs ...kafka.Message) {
	x.t.Helper()
	for _, m := range msgs {
		if err := x.impl.Send(producer, topic, m); err != nil {
			x.t.Fatalf("brokertest: send by %s to %s: %v", producer, topic, err)
		}
	}
}

// Commit ends the transaction of a producer well.
func (x *Transactions) Commit(producer string) { x.t.Helper(); x.end(producer, true) }

// Abort ends it, and nobody is to see its messages.
func (x *Transactions) Abort(producer string) { x.t.Helper(); x.end(producer, false) }

func (x *Transactions) end(producer string, commit bool) {
	x.t.Helper()
	if err := x.impl.End(producer, commit); err != nil {
		x.t.Fatalf("brokertest: end of the transaction of %s: %v", producer, err)
	}
}

// fakeTransactions are producers of franz-go.
type fakeTransactions struct {
	addrs   []string
	clients map[string]*kgo.Client
	open    map[string]bool
}

func (f *fakeTransactions) Send(producer, topic string, m kafka.Message) error {
	client := f.clients[producer]
	if client == nil {
		var err error
		if client, err = kgo.NewClient(kgo.SeedBrokers(f.addrs...), kgo.TransactionalID(producer)); err != nil {
			return err
		}
		f.clients[producer] = client
	}
	if !f.open[producer] {
		if err := client.BeginTransaction(); err != nil {
			return err
		}
		f.open[producer] = true
	}
	r := &kgo.Record{Topic: topic, Key: m.Key, Value: m.Value}
	for _, h := range m.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	return client.ProduceSync(ctx, r).FirstErr()
}

func (f *fakeTransactions) End(producer string, commit bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	delete(f.open, producer)
	return f.clients[producer].EndTransaction(ctx, kgo.TransactionEndTry(commit))
}

func (f *fakeTransactions) close() {
	for _, c := range f.clients {
		c.Close()
	}
}
