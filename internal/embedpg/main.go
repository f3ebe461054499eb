//go:build linux || darwin

package embedpg

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
)

// envSupervisor marks a process as the supervisor, and says what to supervise.
const envSupervisor = "SLUICE_EMBEDPG_SUPERVISOR"

var mainCalled atomic.Bool

// Main must be called first thing by every program that may call Start, tests
// included. It returns at once, except in the supervisor: that is this same
// program, run again with a mark in its environment, and never returns.
func Main() {
	mainCalled.Store(true)
	text, ok := os.LookupEnv(envSupervisor)
	if !ok {
		return
	}
	var spec supervisorSpec
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		fmt.Fprintf(os.Stderr, "sluice: %s is for internal use: %v\n", envSupervisor, err)
		os.Exit(2)
	}
	os.Exit(supervise(spec))
}

// spawn starts the supervisor, detached: in a session of its own, so that Ctrl-C
// in the terminal does not stop the database under an importer that finishes its
// batch, and with files as standard streams, so that nobody who waits for the
// end of our output (go test, a pipe) waits for it. The channel is closed when
// it ends.
func spawn(l layout, spec supervisorSpec) (<-chan struct{}, error) {
	if !mainCalled.Load() {
		return nil, errNoMain
	}
	self, err := selfPath()
	if err != nil {
		return nil, fmt.Errorf("find our own program: %w", err)
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	log, err := openOwned(l.supervisorLog(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, l.user)
	if err != nil {
		return nil, cannotWrite(l.supervisorLog(), err)
	}
	defer log.Close()
	if info, err := log.Stat(); err == nil && info.Size() > maxLog {
		_ = log.Truncate(0)
	}

	cmd := exec.Command(self)
	cmd.Args = []string{"sluice: PostgreSQL of " + l.home}
	// One processor and a tight collector: it only waits.
	cmd.Env = append(serverEnv(l.dir), envSupervisor+"="+string(text), "GOMAXPROCS=1", "GOGC=50")
	cmd.Dir = "/" // keeps no file system busy
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: l.user.credential()}
	if err := cmd.Start(); err != nil {
		return nil, asUserError(l.user, err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // no zombie; what went wrong is in its state
		close(ended)
	}()
	return ended, nil
}

// asUserError explains why a program could not be run as the server's user.
func asUserError(user *identity, err error) error {
	if user == nil {
		return fmt.Errorf("start the embedded server: %w", err)
	}
	return fmt.Errorf("start the embedded server as user %s: %w; PostgreSQL must not run as root: run sluice as a plain user, %s",
		user, err, ownServer)
}
