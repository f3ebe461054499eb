package relay

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/pg"
	"sluice/internal/test/brokertest"
	"sluice/internal/test/faults"
	"sluice/internal/test/pgproxy"
	"sluice/outbox"
)

// through opens a pool for relays whose connections go through a proxy.
func (w *world) through() (*pgproxy.Proxy, *pgxpool.Pool) {
	w.Helper()
	proxy, url := pgproxy.New(w.T, w.db.URL, nil)
	pool, err := pg.Open(w.Context(), url, pg.Relay, pg.Config{MaxConns: 4})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(pool.Close)
	return proxy, pool
}

// statements of the relay that a fault may meet, by what they say and nothing else does.
var statements = map[string]string{
	"claim": "place = 1 or bytes <=",
	"mark":  "set dispatched_at = clock_timestamp()",
}

// TestFaults: every row of the table, when rows are claimed and when they are marked as sent.
func TestFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	topic := w.topic(outbox.Receipts, 1)
	proxy, pool := w.through()
	w.relay = pool
	faults.Each(t, func(t *testing.T, f faults.Injected) {
		for name, text := range statements {
			first := w.sent
			w.put(outbox.Receipts, w.messages(12, 3), 3)
			count, most := 0, -1
			if f.Fault == pg.FaultOutage || f.Fault.Bounded() {
				most = 2 // it passes
			}
			proxy.Fail(func(s pgproxy.Statement) string {
				if !strings.Contains(s.SQL, text) || count == most {
					return ""
				}
				count++
				return f.State
			})
			r := New(pool, w.c.Broker, w.config())
			if most < 0 {
				err := r.Run(t.Context())
				if pg.FaultOf(err) != f.Fault || count != 1 {
					t.Errorf("%s: ended with %v after %d failures", name, err, count)
				}
				var told *pg.DefectError
				if errors.As(err, &told) != (f.Fault == pg.FaultDefect) || told != nil && told.Role != pg.Relay {
					t.Errorf("%s: told %v", name, err)
				}
				if n := value[int](w, `select count(*)::int from core.outbox where dispatched_at is null and dispatch_attempts = 0`); n != 4 {
					t.Errorf("%s: %d rows wait as they were, want 4", name, n)
				}
				proxy.Fail(nil)
			}
			stop := w.run(r) // on with the same one, as the guard of serve does
			w.arrived(topic, 0, w.sent)
			w.allSent()
			stop()
			if most >= 0 && count != most {
				t.Errorf("%s: %d failures", name, count)
			}
			if most >= 0 && r.slow != 0 {
				t.Errorf("%s: %d tries are still counted", name, r.slow)
			}
			if w.sent != first+12 {
				t.Errorf("%s: %d messages", name, w.sent-first)
			}
		}
	})
}

// TestTooSlow: a relay takes fewer and fewer rows, and ends when a single one is too slow
// several times; nothing is lost, and what was sent is not sent again by the same relay.
func TestTooSlow(t *testing.T) {
	t.Parallel()
	for name, text := range statements {
		w := newWorld(t, brokertest.New(t))
		topic := w.topic(outbox.Receipts, 1)
		proxy, pool := w.through()
		w.relay = pool
		w.put(outbox.Receipts, w.messages(32, 3), 2)
		count := 0
		proxy.Fail(func(s pgproxy.Statement) string {
			if !strings.Contains(s.SQL, text) {
				return ""
			}
			count++
			return "57014"
		})
		cfg := w.config()
		r := New(pool, w.c.Broker, cfg)
		r.claimRows = 16
		err := r.Run(t.Context())
		// Claims: 16, 8, 4, 2, and 1 three times. Marks: the settlement of 16 is cut as often.
		if pg.FaultOf(err) != pg.FaultTooSlow || count < 6 || count > 8 {
			t.Errorf("%s: %v after %d attempts", name, err, count)
		}
		if r.atOnce != 1 {
			t.Errorf("%s: it still takes %d rows at once", name, r.atOnce)
		}
		proxy.Fail(nil)
		w.run(r)
		if n := w.arrived(topic, 0, 32); n != 0 {
			t.Errorf("%s: %d messages came twice", name, n)
		}
		w.allSent()
	}
}

// TestWithoutARight: a relay that may not mark what it sent ends and says what it lacks.
func TestWithoutARight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	w.topic(outbox.Receipts, 1)
	w.put(outbox.Receipts, w.messages(4, 1), 4)
	admin := w.db.Admin(t)
	if _, err := admin.Exec(t.Context(), `revoke update on core.outbox from sluice_relay`); err != nil {
		t.Fatal(err)
	}
	err := New(w.relay, w.c.Broker, w.config()).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "permission denied for table outbox") || !strings.Contains(err.Error(), "the role sluice_relay lacks a right") {
		t.Errorf("ended with %v", err)
	}
	if _, err := admin.Exec(t.Context(), `grant update on core.outbox to sluice_relay`); err != nil {
		t.Fatal(err)
	}
	w.start(w.config())
	w.allSent()
}
