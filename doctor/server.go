package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/doctor/vitals"
)

// Limits of the checks.
const (
	leastVersion  = 160000
	clockWarn     = time.Second     // documents without a time of their own get the importer's
	clockAct      = time.Minute     // tokens are refused, VEX of today seems to be of tomorrow
	smallestWAL   = 2 << 30         // below that imports cause a checkpoint every few seconds
	smallestCache = 128 << 20       // of shared buffers
	idleWarn      = 5 * time.Minute // an open transaction keeps dead rows from being removed
)

// server is what sql/server.sql tells.
type server struct {
	version                              string
	number                               int
	fsync, fullPages, checksums, vacuums bool
	commit                               string
	buffers, wal                         int64
	passwords, toast                     string
	lz4                                  bool
	connections, used                    int
	age, size                            int64
	now                                  time.Time
	idle                                 float64
}

// Server looks at the server that conn is connected to, and at the user of the connection.
func Server(ctx context.Context, conn *pgx.Conn) ([]Finding, error) {
	var s server
	asked := time.Now()
	err := conn.QueryRow(ctx, sqlServer).Scan(&s.version, &s.number, &s.fsync, &s.fullPages, &s.checksums, &s.vacuums, &s.commit, &s.buffers, &s.wal,
		&s.passwords, &s.toast, &s.lz4, &s.connections, &s.used, &s.age, &s.size, &s.now, &s.idle)
	if err != nil {
		return nil, fmt.Errorf("settings of the server: %w", err)
	}
	// The answer was made somewhere between the question and now.
	took := time.Since(asked)
	out := append(s.findings(), clock(s.now.Sub(asked.Add(took/2)), took/2))
	for _, look := range []func(context.Context, *pgx.Conn) ([]Finding, error){roles, extensions} {
		more, err := look(ctx, conn)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// when is the verdict of a condition that is bad.
func when(bad bool, v Verdict) Verdict {
	if bad {
		return v
	}
	return Fine
}

func (s *server) findings() []Finding {
	wrap := when(s.age >= vitals.WatchAge, Warn)
	if s.age >= vitals.ActAge {
		wrap = Act
	}
	free := s.connections - s.used
	full := when(free < s.connections/5, Warn)
	if free < 3 {
		full = Act
	}
	var unsafe []string
	for _, set := range []struct {
		name string
		on   bool
	}{{"fsync", s.fsync}, {"full_page_writes", s.fullPages}, {"synchronous_commit", s.commit != "off"}} {
		if !set.on {
			unsafe = append(unsafe, set.name)
		}
	}
	durable := "fsync, full_page_writes and synchronous_commit are on"
	if unsafe != nil {
		durable = strings.Join(unsafe, ", ") + " is off: a crash loses what was acknowledged"
	}
	return []Finding{
		Found("database version", when(s.number < leastVersion, Act), "PostgreSQL "+s.version, "move to PostgreSQL 16 or newer: pg_upgrade, or dump and restore"),
		Found("durability", when(unsafe != nil, Act), durable, "set them to on in postgresql.conf and restart"),
		Found("data checksums", when(!s.checksums, Warn), word(s.checksums, "on", "off: a page that the disk damaged is not noticed"), "stop the server and run pg_checksums --enable"),
		Found("autovacuum", when(!s.vacuums, Act), word(s.vacuums, "on", "off: tables and indexes grow without end"), "set autovacuum and track_counts to on"),
		Found("shared_buffers", when(s.buffers < smallestCache, Warn), bytes(s.buffers), "set shared_buffers to a quarter of the machine's memory and restart"),
		Found("max_wal_size", when(s.wal < smallestWAL, Warn), bytes(s.wal), "set max_wal_size to 4GB: below 2 GiB imports cause checkpoints all the time"),
		Found("compression", when(s.lz4 && s.toast != "lz4", Warn), s.toast, "set default_toast_compression to lz4: documents are stored and read faster; what is stored stays as it is"),
		Found("passwords", when(s.passwords != "scram-sha-256", Warn), s.passwords, "set password_encryption to scram-sha-256 and the passwords again"),
		Found("connections", full, fmt.Sprintf("%d of %d in use", s.used, s.connections), "raise max_connections, or lower the pools (docs/pools.md) or the number of processes"),
		Found("wraparound", wrap, fmt.Sprintf("the oldest transaction is %d ago; writing ends at 2146 million", s.age), "find what keeps VACUUM back: old transactions, replication slots, prepared transactions; then VACUUM FREEZE"),
		Found("idle transactions", when(s.idle > idleWarn.Seconds(), Warn), fmt.Sprintf("the oldest is %s old", (time.Duration(s.idle)*time.Second).Round(time.Second)),
			"end the session (pg_stat_activity, state idle in transaction) and set idle_in_transaction_session_timeout"),
		Found("database size", Fine, bytes(s.size), ""),
	}
}

// clock judges how far the server's clock is from ours, which the question's way blurs by blur.
func clock(off, blur time.Duration) Finding {
	v := Fine
	switch far := off.Abs() - blur; {
	case far > clockAct:
		v = Act
	case far > clockWarn:
		v = Warn
	}
	says := fmt.Sprintf("the server's is %s %s ours", off.Abs().Round(time.Millisecond), word(off < 0, "behind", "before"))
	return Found("clock", v, says, "let both machines follow the same time servers (chrony, systemd-timesyncd)")
}

func roles(ctx context.Context, conn *pgx.Conn) ([]Finding, error) {
	var user string
	var super, bypass bool
	var strong []string
	var there int
	if err := conn.QueryRow(ctx, sqlRoles).Scan(&user, &super, &bypass, &strong, &there); err != nil {
		return nil, fmt.Errorf("rights of the database user: %w", err)
	}
	out := []Finding{
		Found("database user", when(super || bypass, Warn), user+word(super || bypass, " is a superuser or bypasses row security: an error in a statement would cross tenants", ""),
			"connect as a user that owns the database and is no superuser: docs/operations.md, A server of your own"),
		Found("roles", when(there == 0, Warn), word(there == 0, "none: one user owns and reads everything", fmt.Sprintf("%d of the 8 that connections take", there)),
			"give the user createrole and run `sluice migrate up` on a new database"),
	}
	if len(strong) > 0 {
		out = append(out, Found("roles", Act, strings.Join(strong, ", ")+" is a superuser or bypasses row security", "alter role … nosuperuser nobypassrls"))
	}
	return out, nil
}

func extensions(ctx context.Context, conn *pgx.Conn) ([]Finding, error) {
	rows, err := conn.Query(ctx, sqlExtensions)
	if err != nil {
		return nil, fmt.Errorf("extensions: %w", err)
	}
	var name string
	var installed bool
	known := map[string]bool{}
	if _, err := pgx.ForEachRow(rows, []any{&name, &installed}, func() error { known[name] = installed; return nil }); err != nil {
		return nil, fmt.Errorf("extensions: %w", err)
	}
	on, available := known["pg_stat_statements"]
	says := "installed"
	if !on {
		says = "not in this database" + word(available, "", "; the server does not have it")
	}
	out := []Finding{Found("pg_stat_statements", when(!on, Warn), says,
		"add it to shared_preload_libraries, restart, and have a superuser run: create extension pg_stat_statements; without it `sluice stats` has no statements")}
	if on, available := known["pgaudit"]; available && !on {
		out = append(out, Found("pgaudit", Fine, "available, not used; docs/security.md", ""))
	}
	return out, nil
}

func word(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func bytes(n int64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
}

// Disk judges how much a file system has left.
func Disk(what, path string, free, size float64) Finding {
	v := Fine
	share := free / max(size, 1)
	switch {
	case share < 0.05 || free < 1<<30:
		v = Act
	case share < 0.15:
		v = Warn
	}
	return Found(what, v, fmt.Sprintf("%s of %s free at %s", bytes(int64(free)), bytes(int64(size)), path),
		"make room: `sluice partitions plan`, retention (`sluice tenant set NAME --retain-documents 400d`), `sluice backup prune`; or a larger disk (docs/runbooks.md)")
}
