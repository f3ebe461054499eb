package relay

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/kafkaclient"
	"sluice/internal/pg"
)

type (
	kmsgRequest  = kmsg.Request
	kmsgResponse = kmsg.Response
)

// The child process of TestKill: a relay that kills itself.
const (
	childURL     = "SLUICE_OUTBOX_TEST_URL"
	childBrokers = "SLUICE_OUTBOX_TEST_BROKERS"
	childPrefix  = "SLUICE_OUTBOX_TEST_PREFIX"

	childRows = 16
)

// child sends until the brokers have acknowledged its second batch, and is killed before it
// can say so to the database.
func child() {
	ctx := context.Background()
	pool, err := pg.Open(ctx, os.Getenv(childURL), pg.Relay, pg.Config{MaxConns: 4})
	if err == nil {
		var b *kafkaclient.Broker
		if b, err = (kafkaclient.Config{Brokers: []string{os.Getenv(childBrokers)}}).Open(); err == nil {
			r := New(pool, b, Config{Prefix: os.Getenv(childPrefix), Lease: time.Second, Poll: 50 * time.Millisecond})
			r.claimRows = childRows
			batches := 0
			r.beforeSettle = func() {
				if batches++; batches == 2 {
					_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				}
			}
			err = r.Run(ctx)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
