//go:build linux || darwin

package embedpg

import (
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// portPatience is how long the port of a server that died is waited for.
const portPatience = 3 * time.Second

// choosePort returns fixed, if it is free, or else the first free one of: the
// port used last; ports that follow from the folder's name, below the range from
// which Linux takes those of outgoing connections (32768..), so that a port that
// was ours stays free while the server is down; any.
func choosePort(fixed int, l layout, skip int) (int, error) {
	if fixed != 0 {
		if !portFree(fixed) {
			return 0, portTaken(fixed)
		}
		return fixed, nil
	}
	var candidates []int
	if text, err := os.ReadFile(l.port()); err == nil {
		if last, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			candidates = append(candidates, last)
		}
	}
	h := fnv.New32a()
	h.Write([]byte(l.dir))
	for i := range 8 {
		candidates = append(candidates, 15000+int(h.Sum32()%10000)+i*101)
	}
	// Some looked free but could not be used: do not insist.
	for _, port := range candidates[min(skip, len(candidates)):] {
		if port > 0 && port <= 65535 && portFree(port) {
			return port, nil
		}
	}
	l4, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l4.Close()
	return l4.Addr().(*net.TCPAddr).Port, nil
}

// awaitOldPort gives the port of a server that died under its clients some time to become
// free: they know no other one, and whoever has it may only be trying it.
func (s *supervisor) awaitOldPort() {
	if s.state.Starts == 0 || s.portTries > 0 {
		return
	}
	for end := time.Now().Add(portPatience); !portFree(s.state.Port) && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
}

func portFree(port int) bool {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func portTaken(port int) error {
	return fmt.Errorf("port %d is in use by another program: set %s to another port, or unset it and sluice finds one; %s",
		port, envPort, ownServer)
}

// remember notes the port for the next start.
func (s *supervisor) remember(port int) {
	if err := writeFile(s.files.port(), strconv.Itoa(port)+"\n", 0o600, nil); err != nil {
		s.log.Printf("remember the port: %v", err)
	}
}
