package pg

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limit is something about pools that an operator may set, for every role or for one of them.
type Limit string

// The limits of the specification's section 13, and the time-outs of sessions. A time-out of 0
// is none.
const (
	LimitMax               Limit = "max"
	LimitMin               Limit = "min"
	LimitConnect           Limit = "connect-timeout"
	LimitIdle              Limit = "idle-timeout"
	LimitLifetime          Limit = "lifetime"
	LimitStatement         Limit = "statement-timeout"
	LimitLock              Limit = "lock-timeout"
	LimitIdleInTransaction Limit = "idle-in-transaction-timeout"
	LimitTransaction       Limit = "transaction-timeout"
)

// AllLimits are all of them, in the order of docs/pools.md.
var AllLimits = []Limit{LimitMax, LimitMin, LimitConnect, LimitIdle, LimitLifetime, LimitStatement, LimitLock, LimitIdleInTransaction, LimitTransaction}

// PoolRoles are the roles that pools act as.
var PoolRoles = []Role{Ingest, Feed, Projector, Maintainer, Relay, Reader, "sluice_monitor"}

// Counts reports whether the limit is a number of connections; the others are times.
func (l Limit) Counts() bool { return l == LimitMax || l == LimitMin }

// Setting is the value of one limit by role; that of "" is for all the roles without one of their
// own. Connections are numbers, times are in milliseconds.
type Setting map[Role]int64

// of returns the value for a role.
func (s Setting) of(role Role) (int64, bool) {
	if v, ok := s[role]; ok {
		return v, true
	}
	v, ok := s[""]
	return v, ok
}

// ParseSetting reads 20, or ingest=12,reader=5, or both: 20,reader=5. Times are Go's: 30s, 5m.
func (l Limit) ParseSetting(text string) (Setting, error) {
	out := Setting{}
	for _, part := range strings.Split(text, ",") {
		name, value, one := strings.Cut(strings.TrimSpace(part), "=")
		role := Role("sluice_" + strings.TrimSpace(name))
		if !one {
			role, value = "", name
		} else if !slices.Contains(PoolRoles, role) {
			return nil, fmt.Errorf("there is no role %q with pools; they are %s", name, roleNames())
		}
		if _, twice := out[role]; twice {
			return nil, fmt.Errorf("%q says it twice", text)
		}
		v, err := l.parse(strings.TrimSpace(value))
		if err != nil {
			return nil, err
		}
		out[role] = v
	}
	return out, nil
}

// Bounds of what is sensible: PostgreSQL's own is 2^31 ms.
const (
	mostConns = 1000
	longest   = 7 * 24 * time.Hour
)

func (l Limit) parse(text string) (int64, error) {
	if l.Counts() {
		least := 0
		if l == LimitMax {
			least = 1
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > mostConns {
			return 0, fmt.Errorf("%q is no number of connections from %d to %d", text, least, mostConns)
		}
		return int64(n), nil
	}
	d, err := time.ParseDuration(text)
	if text == "0" {
		err = nil
	}
	least := time.Duration(0)
	if l == LimitConnect || l == LimitIdle || l == LimitLifetime {
		least = 100 * time.Millisecond // without them a pool would wait, or connect, for ever
	}
	if err != nil || d < least || d > longest || d != 0 && d < time.Millisecond {
		return 0, fmt.Errorf("%q is no time from %s to %s, such as 30s or 5m", text, least, longest)
	}
	return d.Milliseconds(), nil
}

// String is what ParseSetting reads.
func (l Limit) String(s Setting) string {
	var parts []string
	for _, role := range slices.Sorted(maps.Keys(s)) {
		text := fmt.Sprint(s[role])
		if !l.Counts() {
			text = (time.Duration(s[role]) * time.Millisecond).String()
		}
		if role != "" {
			text = strings.TrimPrefix(string(role), "sluice_") + "=" + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ",")
}

func roleNames() string {
	names := make([]string, len(PoolRoles))
	for i, r := range PoolRoles {
		names[i] = strings.TrimPrefix(string(r), "sluice_")
	}
	return strings.Join(names, ", ")
}

// Limits are what an operator says of the pools. Without one, a pool is what its part made it.
type Limits map[Limit]Setting

// TooFewError: a part needs more connections than its pool may have. With fewer it would wait for
// itself.
type TooFewError struct {
	Role      Role
	Need, May int32
}

func (e *TooFewError) Error() string {
	return fmt.Sprintf("%d for %s: what is asked for uses %d at the same time; allow as many, or ask for less (--workers, --shared)",
		e.May, strings.TrimPrefix(string(e.Role), "sluice_"), e.Need)
}

// Apply returns cfg with what the operator says of role. A part never gets fewer connections
// than it uses at the same time.
func (l Limits) Apply(role Role, cfg Config) (Config, error) {
	if n, ok := l[LimitMax].of(role); ok {
		if int32(n) < cfg.MaxConns {
			return cfg, &TooFewError{role, cfg.MaxConns, int32(n)}
		}
		cfg.MaxConns = int32(n)
	}
	if n, ok := l[LimitMin].of(role); ok {
		cfg.MinConns = int32(n)
	}
	for limit, field := range map[Limit]*time.Duration{
		LimitConnect: &cfg.ConnectTimeout, LimitIdle: &cfg.IdleTimeout, LimitLifetime: &cfg.Lifetime,
		LimitStatement: &cfg.StatementTimeout, LimitLock: &cfg.LockTimeout,
		LimitIdleInTransaction: &cfg.IdleInTransaction, LimitTransaction: &cfg.TransactionTimeout,
	} {
		if ms, ok := l[limit].of(role); ok {
			if *field = time.Duration(ms) * time.Millisecond; ms == 0 {
				*field = None
			}
		}
	}
	return cfg, nil
}

// None is a time-out that is not to be, where 0 means the role's.
const None time.Duration = -1

// TimeoutsOf are the time-outs of a role's sessions, unless its part or the operator has others;
// docs/pools.md gives the reasons, and a test compares it. A lock is always waited for less long than a
// statement may take: to wait is an outage, which is tried again for ever, and to be slow is not.
func TimeoutsOf(role Role) (statement, lock, idleInTransaction, transaction time.Duration) {
	switch role {
	case Ingest, Feed:
		return 15 * time.Minute, 5 * time.Minute, 5 * time.Minute, None
	case Projector:
		return time.Hour, 5 * time.Minute, 5 * time.Minute, None
	case Maintainer:
		return 15 * time.Minute, time.Minute, 5 * time.Minute, None
	case Relay:
		return 5 * time.Minute, time.Minute, 5 * time.Minute, None
	default:
		return time.Hour, time.Minute, 5 * time.Minute, None
	}
}

// settings are those of a session, in the order in which they are set.
func (cfg Config) settings(role Role) (names, values []string) {
	statement, lock, idle, transaction := TimeoutsOf(role)
	set := func(name, value string) { names, values = append(names, name), append(values, value) }
	set("search_path", SearchPath)
	set("timezone", "UTC")
	set("jit", "off")
	// A generic plan that was made while a table was small is kept until the next ANALYZE,
	// and reads a million rows by then. Our statements are few and carry many rows each:
	// planning them anew costs nothing that shows.
	set("plan_cache_mode", "force_custom_plan")
	// The planner's 4 is for disks that turn: with it, a few hundred probes of an index look
	// dearer than reading all of a table that is in memory.
	set("random_page_cost", "1.1")
	for _, t := range []struct {
		name      string
		own, role time.Duration
	}{
		{"statement_timeout", cfg.StatementTimeout, statement},
		{"lock_timeout", cfg.LockTimeout, lock},
		{"idle_in_transaction_session_timeout", cfg.IdleInTransaction, idle},
		{"transaction_timeout", cfg.TransactionTimeout, transaction},
	} {
		if t.own == 0 {
			t.own = t.role
		}
		set(t.name, fmt.Sprint(max(t.own, 0).Milliseconds()))
	}
	return names, values
}
