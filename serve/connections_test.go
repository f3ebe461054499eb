package serve

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	ingestkafka "sluice/ingest/kafka"
	"sluice/internal/pg"
	"sluice/internal/test/brokertest"
	"sluice/internal/test/dbtest"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/topics"

	"sluice/ingest"
)

// formula is the number that docs/pools.md gives as `13` or `2 × workers + 3`.
func formula(t *testing.T, text string, workers int) int {
	t.Helper()
	m := regexp.MustCompile(`^(?:(\d+) × workers \+ )?(\d+)$`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("docs/pools.md: %q is no formula", text)
	}
	factor, _ := strconv.Atoi(m[1])
	n, _ := strconv.Atoi(m[2])
	return factor*workers + n
}

// tableRows are the cells of the rows of docs/pools.md that have so many.
func tableRows(t *testing.T, cells int) (out [][]string) {
	t.Helper()
	text, err := os.ReadFile("../docs/pools.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		parts := strings.Split(strings.Trim(line, "|"), "|")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		if len(parts) == cells {
			out = append(out, parts)
		}
	}
	return out
}

// TestConnections: the tables of docs/pools.md are what a service opens at most, by role and in
// all, and what it keeps open.
func TestConnections(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	cluster := brokertest.Fake(t)
	prefix := cluster.Prefix(t)
	for _, topic := range append(ingestkafka.Topics(prefix), topics.Name(prefix, topics.Receipts), topics.Name(prefix, topics.Findings), topics.Name(prefix, topics.Parked)) {
		cluster.CreateTopic(t, topic, 1)
	}
	totals := map[string]string{}
	for _, row := range tableRows(t, 2) {
		totals[row[0]] = row[1]
	}
	for name, with := range map[string][]string{
		"without a broker":                     {"always", "`--listen`"},
		"with `--brokers`":                     {"always", "`--listen`", "`--brokers`"},
		"with `--brokers` and `--shared-feed`": {"always", "`--listen`", "`--brokers`", "`--shared-feed`"},
	} {
		for workers := 1; workers <= 3; workers += 2 {
			want := map[pg.Role]int{}
			sum := 0
			for _, row := range tableRows(t, 4) {
				if strings.Contains(strings.Join(with, " ")+" ", row[3]+" ") {
					n := formula(t, row[2], workers)
					want[pg.Role("sluice_"+row[1])] += n
					sum += n
				}
			}
			if total := formula(t, totals[name], workers); total != sum || sum < 10 {
				t.Errorf("%s: the parts have %d connections, the total is said to be %d", name, sum, total)
			}
			d := NewDatabase(DatabaseConfig{URL: db.URL})
			cfg := Config{Database: d, Listen: "127.0.0.1:0", Projectors: workers, Notify: &Notify{}, Maintenance: &Maintenance{Checkpoints: time.Hour, StaleAfter: time.Hour}}
			if len(with) > 2 {
				cfg.Consume = &Consume{
					Broker: cluster.Broker, Group: prefix, Prefix: prefix, MaxDocument: 1 << 20, Session: 10 * time.Second, Relay: true, OutboxKeep: time.Hour, Shared: len(with) > 3,
					Ingest: ingest.Config{Formats: []normalize.Format{cyclonedx.JSON{}}, BatchBytes: 1 << 20},
				}
			}
			s, err := New(t.Context(), cfg)
			if err != nil {
				d.Close()
				t.Fatal(err)
			}
			got := map[pg.Role]int{}
			for _, p := range d.pools {
				c := p.Config()
				got[pg.RoleOf(p)] += int(c.MaxConns)
				if kept := int32(5); (c.MaxConns > kept) != (c.MinConns == kept) {
					t.Errorf("%s: a pool of %s keeps %d of %d connections", name, pg.RoleOf(p), c.MinConns, c.MaxConns)
				}
			}
			s.close()
			d.Close()
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s, %d workers: %v, docs/pools.md has %v", name, workers, got, want)
			}
		}
	}
}

// TestTimeoutsOfPools: docs/pools.md has the time-outs of each role.
func TestTimeoutsOfPools(t *testing.T) {
	t.Parallel()
	text := func(d time.Duration) string {
		if d <= 0 {
			return "0"
		}
		return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
	}
	said := map[pg.Role]string{}
	for _, row := range tableRows(t, 6) {
		said[pg.Role("sluice_"+row[0])] = strings.Join(row[1:5], " ")
	}
	for _, role := range pg.PoolRoles {
		statement, lock, idle, transaction := pg.TimeoutsOf(role)
		if want := strings.Join([]string{text(statement), text(lock), text(idle), text(transaction)}, " "); said[role] != want {
			t.Errorf("%s: %s, docs/pools.md has %q", role, want, said[role])
		}
	}
}
