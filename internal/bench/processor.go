package bench

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// tick is the unit of /proc/PID/stat: Linux gives it to programs in hundredths of a second on every platform.
const tick = 10 * time.Millisecond

// processor is the processor time of the server's processes, where the server runs on this
// machine and the system tells (Linux). Other work on the machine hardly touches it, as it does
// the time that a clock shows.
type processor struct {
	postmaster int // 0: it is not known
}

func findServer(ctx context.Context, conn *pgx.Conn) (processor, error) {
	var pid int
	var address *netip.Addr
	if err := conn.QueryRow(ctx, sqlServerProcess).Scan(&pid, &address); err != nil {
		return processor{}, err
	}
	if address != nil && !address.IsLoopback() {
		return processor{}, nil
	}
	if s, ok := readStat(pid); ok && s.name == "postgres" {
		return processor{postmaster: s.parent}, nil
	}
	return processor{}, nil
}

// used is what the server has used so far: the postmaster, its children, and those it had.
func (p processor) used() time.Duration {
	if p.postmaster == 0 {
		return 0
	}
	own, ok := readStat(p.postmaster)
	if !ok {
		return 0
	}
	sum := own.used + own.children
	paths, _ := filepath.Glob("/proc/[0-9]*")
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(path))
		if err != nil {
			continue
		}
		if s, ok := readStat(pid); ok && s.parent == p.postmaster {
			sum += s.used
		}
	}
	return sum
}

// stat is what /proc/PID/stat says of a process.
type stat struct {
	name           string
	parent         int
	used, children time.Duration // children: of those that ended
}

func readStat(pid int) (s stat, ok bool) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return s, false
	}
	return parseStat(string(b))
}

func parseStat(text string) (s stat, ok bool) {
	// The name is in parentheses and may have some itself.
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return s, false
	}
	s.name = text[open+1 : end]
	fields := strings.Fields(text[end+1:]) // from the state on, which is field 3 of proc(5)
	if len(fields) < 15 {
		return s, false
	}
	s.parent, _ = strconv.Atoi(fields[1])
	ticks := func(i int) time.Duration {
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		return time.Duration(n) * tick
	}
	s.used, s.children = ticks(11)+ticks(12), ticks(13)+ticks(14)
	return s, true
}
