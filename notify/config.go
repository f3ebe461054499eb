package notify

import (
	"crypto/x509"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/lead"
	"sluice/internal/pg"
)

// Config tunes a Notifier. The zero value is usable.
type Config struct {
	// Allowed are networks that webhooks may go to beyond public addresses, and that alone may be
	// reached by http. Default none.
	Allowed []netip.Prefix
	// Who leads, where it does. Default lead.Somebody.
	Who lead.Holder
	// Lease is how long the lead lasts without being kept. Default lead.Lease.
	Lease time.Duration
	// Poll is how often rules without news look again, and about how long a finding waits to be told. Default 5 s. Where looking
	// takes long it is done less often.
	Poll time.Duration
	// Sweep is how often all findings are looked at although no feed and no tag changed. Default 1 h.
	Sweep time.Duration
	// Timeout bounds an attempt, from resolving the name to the end of the answer. Default 10 s.
	Timeout time.Duration
	// Waits are how long a message waits after its first failed attempt, its second and so on, give or take a quarter; the
	// last counts for all further ones. Default 5 s, 30 s, 2 min, 5 min, 15 min, 30 min, 1 h.
	Waits []time.Duration
	// GiveUp is how long after it was written a message is given up: with the first attempt that fails then. Default 24 h.
	GiveUp time.Duration
	// KeepSent and KeepFailed are how long messages stay to be looked at. Defaults 1 day and 30 days.
	KeepSent, KeepFailed time.Duration
	// OnOutage, if set, is called when the database cannot be reached.
	OnOutage func(error)
	// Registerer, if set, gets the metrics that docs/metrics.md lists.
	Registerer prometheus.Registerer
	Logger     *slog.Logger
	// Roots are the authorities whose certificates count. Default the system's.
	Roots *x509.CertPool
}

// How many messages are on their way at the same time, and of one tenant: receivers that keep us waiting keep
// nobody of another tenant waiting.
const (
	maxInFlight = 64
	maxOfTenant = 4
)

// maxRetryAfter is the longest wait that a receiver may ask for.
const maxRetryAfter = 6 * time.Hour

// overlap is how far a look goes back behind the one before: findings are seen first when the transaction begins that
// writes them, and come to be seen when it ends. What takes longer is found by the next sweep.
const overlap = 2 * time.Minute

func (c Config) withDefaults() Config {
	if c.Who == (lead.Holder{}) {
		c.Who = lead.Somebody()
	}
	for _, d := range []struct {
		to *time.Duration
		or time.Duration
	}{
		{&c.Poll, 5 * time.Second},
		{&c.Sweep, time.Hour},
		{&c.Timeout, 10 * time.Second},
		{&c.GiveUp, 24 * time.Hour},
		{&c.KeepSent, 24 * time.Hour},
		{&c.KeepFailed, 30 * 24 * time.Hour},
	} {
		if *d.to <= 0 {
			*d.to = d.or
		}
	}
	if len(c.Waits) == 0 {
		c.Waits = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// PoolConfig is what the pool of a Notifier is: to look, to send and to keep the lead.
func PoolConfig() pg.Config { return pg.Config{MaxConns: 3} }

// wait is how long a message waits after so many failed attempts, and no less than its receiver asked for.
func (c Config) wait(attempts int32, asked time.Duration) time.Duration {
	d := c.Waits[min(int(attempts), len(c.Waits))-1]
	d += time.Duration((rand.Float64() - 0.5) / 2 * float64(d)) // so that those that failed together do not come back together
	return max(d, min(asked, maxRetryAfter))
}
