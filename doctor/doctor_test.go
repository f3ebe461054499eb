package doctor

import (
	"strings"
	"testing"
	"time"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	dbtest.Plan(t, sqlFiles, dbtest.New(t).Conn(t, pg.Reader), nil)
}

// TestServer: the embedded server is fine, whatever user asks.
func TestServer(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	for _, conn := range []pg.Role{"", pg.Reader} {
		list, err := Server(t.Context(), db.Conn(t, conn))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			// Tests run many servers beside each other, without care for the disk.
			if f.Verdict != Fine && f.What != "connections" && f.What != "durability" && f.What != "idle transactions" && f.What != "max_wal_size" {
				t.Errorf("as %q: %+v", conn, f)
			}
		}
		if len(list) < 15 {
			t.Errorf("%d findings", len(list))
		}
	}
	list, err := Server(t.Context(), db.Admin(t))
	if err != nil {
		t.Fatal(err)
	}
	if f := of(list, "database user"); f.Verdict != Warn || !strings.Contains(f.Says, "superuser") {
		t.Errorf("a superuser: %+v", f)
	}
}

func of(list []Finding, what string) Finding {
	for _, f := range list {
		if f.What == what {
			return f
		}
	}
	return Finding{}
}

// TestVerdicts: what each setting is judged as.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	good := server{
		version: "18.6", number: 180006, fsync: true, fullPages: true, checksums: true, vacuums: true, commit: "on", buffers: 1 << 30, wal: 4 << 30,
		passwords: "scram-sha-256", toast: "lz4", lz4: true, connections: 97, used: 10,
	}
	for _, f := range good.findings() {
		if f.Verdict != Fine || f.Remedy != "" {
			t.Errorf("a good server: %+v", f)
		}
	}
	for _, c := range []struct {
		what   string
		change func(*server)
		want   Verdict
	}{
		{"database version", func(s *server) { s.number = 150018 }, Act},
		{"durability", func(s *server) { s.fsync = false }, Act},
		{"durability", func(s *server) { s.commit = "off" }, Act},
		{"data checksums", func(s *server) { s.checksums = false }, Warn},
		{"autovacuum", func(s *server) { s.vacuums = false }, Act},
		{"shared_buffers", func(s *server) { s.buffers = 64 << 20 }, Warn},
		{"max_wal_size", func(s *server) { s.wal = 1 << 30 }, Warn},
		{"compression", func(s *server) { s.toast = "pglz" }, Warn},
		{"compression", func(s *server) { s.toast, s.lz4 = "pglz", false }, Fine}, // there is nothing better
		{"passwords", func(s *server) { s.passwords = "md5" }, Warn},
		{"connections", func(s *server) { s.used = 85 }, Warn},
		{"connections", func(s *server) { s.used = 96 }, Act},
		{"wraparound", func(s *server) { s.age = 600_000_000 }, Warn},
		{"wraparound", func(s *server) { s.age = 2_000_000_000 }, Act},
		{"idle transactions", func(s *server) { s.idle = 3600 }, Warn},
	} {
		s := good
		c.change(&s)
		f := of(s.findings(), c.what)
		if f.Verdict != c.want || (f.Remedy == "") != (c.want == Fine) {
			t.Errorf("%+v; want %s", f, c.want)
		}
	}
	for off, want := range map[time.Duration]Verdict{0: Fine, 900 * time.Millisecond: Fine, -3 * time.Second: Warn, 5 * time.Minute: Act} {
		if f := clock(off, 10*time.Millisecond); f.Verdict != want {
			t.Errorf("a clock off by %s: %+v", off, f)
		}
	}
	for free, want := range map[float64]Verdict{50 << 30: Fine, 10 << 30: Warn, 4 << 30: Act} {
		if f := Disk("disk", "/data", free, 100<<30); f.Verdict != want {
			t.Errorf("%.0f free: %+v", free, f)
		}
	}
	if Worst(nil) != Fine || Worst([]Finding{{Verdict: Act}, {Verdict: Warn}}) != Act || Worst([]Finding{{Verdict: Fine}, {Verdict: Warn}}) != Warn {
		t.Error("the worst is not the worst")
	}
}
