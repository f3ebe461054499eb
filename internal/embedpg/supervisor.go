//go:build linux || darwin

package embedpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// supervisorSpec is what the client hands to the supervisor that it starts.
type supervisorSpec struct {
	Home     string
	Dir      string
	Bin      string
	Port     int // 0: choose
	Linger   time.Duration
	Settings map[string]string
}

const (
	readyPoll = 5 * time.Millisecond   // while the server starts
	watchPoll = 200 * time.Millisecond // while it runs
	// A fast shutdown writes a checkpoint; on a slow disk that takes a while.
	stopPatience = 2 * time.Minute
	// How long a server that does not start again is tried, beside clients.
	restartPatience = 30 * time.Second
	maxLog          = 16 << 20
	noSockets       = "could not create any TCP/IP sockets"
)

// supervisor runs one postmaster for as long as there are clients.
type supervisor struct {
	spec    supervisorSpec
	files   layout
	log     *log.Logger
	clients *os.File // clients.lock
	out     *os.File // postgres.log
	state   state

	master *exec.Cmd
	ended  chan error // one value when master has ended
	offset int64      // of out, where this start's words begin

	portTries int       // candidates of choosePort that turned out to be taken
	idle      time.Time // since when no client was seen; zero when there is one
	trouble   time.Time // since when the server has not been ready
}

var (
	errIdle    = errors.New("the last client has gone")
	errGone    = errors.New("the folder has gone")
	errSignal  = errors.New("stopped by a signal")
	errDied    = errors.New("the server ended under its clients")
	errNoStart = errors.New("did not start")
)

// supervise is the life of the supervisor process; it returns its exit status.
func supervise(spec supervisorSpec) int {
	// The kernel stops the postmaster when the thread that started it ends; this
	// one ends with the process.
	runtime.LockOSThread()
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE)

	s := &supervisor{
		spec:  spec,
		files: layout{home: spec.Home, dir: spec.Dir},
		log:   log.New(os.Stderr, "", log.LstdFlags|log.LUTC|log.Lmicroseconds),
		state: state{Phase: phaseStarting, Supervisor: os.Getpid()},
	}
	// Clients that ask whether we live hold it for an instant.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	held, err := lock(ctx, s.files.supervisorLock(), syscall.LOCK_EX, nil)
	cancel()
	if err != nil {
		s.log.Printf("another supervisor is at work: %v", err)
		return 1
	}
	defer held.Close()

	err = s.run()
	if s.clients != nil {
		defer s.clients.Close()
	}
	switch {
	case errors.Is(err, errIdle), errors.Is(err, errSignal), errors.Is(err, errGone):
		return 0
	default:
		s.log.Print(err)
		s.state.Error = err.Error()
		s.enter(phaseFailed)
		return 1
	}
}

// run starts the server, and again when it dies, until it must end.
func (s *supervisor) run() error {
	var err error
	if err = s.state.write(s.files.state()); err != nil {
		return cannotWrite(s.files.dir, err)
	}
	if s.clients, err = openLock(s.files.clientsLock(), nil); err != nil {
		return cannotWrite(s.files.dir, err)
	}
	if s.out, err = openOwned(s.files.log(), os.O_RDWR|os.O_CREATE|os.O_APPEND, nil); err != nil {
		return cannotWrite(s.files.dir, err)
	}
	conf := filepath.Join(s.files.data(), "sluice.conf")
	if err := os.WriteFile(conf, []byte(settingsFile(settings(s.spec.Bin, s.spec.Settings))), 0o600); err != nil {
		return cannotWrite(s.files.dir, err)
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)

	s.trouble = time.Now()
	for try := 1; ; try++ {
		err := s.once(term)
		switch {
		case errors.Is(err, errDied):
			s.log.Print(err)
			s.trouble = time.Now()
			s.enter(phaseStarting)
			try = 0
			continue
		case !errors.Is(err, errNoStart):
			return err
		case !s.mayRetry(err):
			return err
		}
		s.log.Printf("try %d: %v", try, err)
		if err := s.pause(term, min(time.Duration(try)*100*time.Millisecond, 2*time.Second)); err != nil {
			return err
		}
	}
}

// mayRetry tells whether another try can help. Of a server that was never ready
// only some failures pass by themselves: the port was taken between our choice
// and the start, or processes of a killed server still have its shared memory;
// for the others a client waits to hear the reason. A server that ran before
// has sound settings and data, so whatever it is (memory, disk) may pass.
func (s *supervisor) mayRetry(err error) bool {
	if time.Since(s.trouble) > restartPatience {
		return false
	}
	said := err.Error()
	if strings.Contains(said, noSockets) && s.spec.Port == 0 {
		s.portTries++ // not that one again
		return true
	}
	return s.state.Starts > 0 ||
		strings.Contains(said, "pre-existing shared memory block") ||
		strings.Contains(said, `"postmaster.pid" already exists`)
}

// pause waits between two tries, but not for a server that nobody wants.
func (s *supervisor) pause(term <-chan os.Signal, d time.Duration) error {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err := s.unwanted(term); err != nil {
			return err
		}
	}
	return nil
}

// once runs one postmaster until it ends or must end. errNoStart means that it
// ended before it was ready, errDied that it ended later; nil is never returned.
func (s *supervisor) once(term <-chan os.Signal) error {
	if err := clearOrphans(context.Background(), s.files.data()); err != nil {
		return fmt.Errorf("%w: %w", errNoStart, err)
	}
	if err := s.launch(); err != nil {
		return err
	}
	poll := time.NewTicker(readyPoll)
	defer poll.Stop()
	lastWatch := time.Now()
	for {
		select {
		case err := <-s.ended:
			s.master = nil
			if s.state.Phase == phaseReady {
				return fmt.Errorf("%w: %v", errDied, err)
			}
			return s.explain(err)
		case <-poll.C:
		}
		if s.state.Phase != phaseReady && postmasterReady(s.files.data(), s.master.Process.Pid) {
			s.state.Starts++
			s.enter(phaseReady)
			s.remember(s.state.Port)
			poll.Reset(s.watchInterval())
		}
		if time.Since(lastWatch) < s.watchInterval() {
			continue
		}
		lastWatch = time.Now()
		if err := s.unwanted(term); err != nil {
			s.stop(err)
			return err
		}
		s.rotate()
	}
}

// watchInterval is fine enough to keep a short Linger.
func (s *supervisor) watchInterval() time.Duration {
	return max(min(watchPoll, s.spec.Linger/4), 20*time.Millisecond)
}

// unwanted says why the server should stop, nil if it should not. After errIdle
// clients.lock stays held: whoever comes now waits until we have ended, and
// starts a new supervisor.
func (s *supervisor) unwanted(term <-chan os.Signal) error {
	select {
	case <-term:
		return errSignal
	default:
	}
	if !stillThere(s.clients) || gone(filepath.Join(s.files.data(), "PG_VERSION")) || gone(s.spec.Home) {
		return errGone
	}
	if tryLock(s.clients, syscall.LOCK_EX) != nil {
		s.idle = time.Time{}
		return nil
	}
	if s.idle.IsZero() {
		s.idle = time.Now()
	}
	if time.Since(s.idle) >= s.spec.Linger {
		return errIdle
	}
	unlock(s.clients)
	return nil
}

// launch starts a postmaster on a port that is free now.
func (s *supervisor) launch() error {
	s.awaitOldPort()
	port, err := choosePort(s.spec.Port, s.files, s.portTries)
	if err != nil {
		return err
	}
	if s.offset, err = s.out.Seek(0, io.SeekEnd); err != nil {
		return cannotWrite(s.files.log(), err)
	}
	cmd := exec.Command(filepath.Join(s.spec.Bin, "bin", "postgres"), "-D", s.files.data(), "-p", strconv.Itoa(port))
	cmd.Env = serverEnv(s.files.dir)
	cmd.Dir = s.files.dir
	cmd.Stdout, cmd.Stderr = s.out, s.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run PostgreSQL: %w", err)
	}
	s.master, s.ended = cmd, make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait() }(cmd, s.ended)
	s.state.Postmaster, s.state.Port = cmd.Process.Pid, port
	return s.state.write(s.files.state())
}

// stop ends the server, at first in good order.
func (s *supervisor) stop(why error) {
	if s.master == nil {
		return
	}
	s.enter(phaseStopping)
	first := syscall.SIGINT // fast: rolls back, checkpoint
	if errors.Is(why, errGone) {
		first = syscall.SIGQUIT // no folder to write a checkpoint to
	}
	for _, step := range []struct {
		signal   syscall.Signal
		patience time.Duration
	}{{first, stopPatience}, {syscall.SIGQUIT, 10 * time.Second}, {syscall.SIGKILL, 10 * time.Second}} {
		_ = s.master.Process.Signal(step.signal)
		select {
		case <-s.ended:
			return
		case <-time.After(step.patience):
			s.log.Printf("the server ignores %v", step.signal)
		}
	}
}

func (s *supervisor) enter(p phase) {
	s.state.Phase = p
	// Without a folder there is nobody to tell.
	if err := s.state.write(s.files.state()); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log.Printf("say that the server is %s: %v", p, err)
	}
}

// explain turns the log of a failed start into one line.
func (s *supervisor) explain(err error) error {
	text := make([]byte, 64<<10)
	n, _ := s.out.ReadAt(text, s.offset)
	out := string(text[:n])
	switch {
	case strings.Contains(out, "No space left on device"):
		return cannotWrite(s.files.dir, syscall.ENOSPC)
	case s.spec.Port != 0 && strings.Contains(out, noSockets):
		return portTaken(s.spec.Port)
	}
	said := complaints(out)
	if said == "" {
		said = fmt.Sprint(err)
		if last := lastLine(out); last != "" {
			said += ": " + last
		}
	}
	return fmt.Errorf("the embedded server %w: %s (see %s)", errNoStart, said, s.files.log())
}

// rotate keeps the server's log from growing without end. The server writes to
// our descriptor, so the text is moved, not the file; a line written in between
// is lost, once per 16 MB.
func (s *supervisor) rotate() {
	info, err := s.out.Stat()
	if err != nil || info.Size() < maxLog {
		return
	}
	old, err := os.Create(s.files.log() + ".1")
	if err != nil {
		return
	}
	defer old.Close()
	if _, err := io.Copy(old, io.NewSectionReader(s.out, 0, info.Size())); err == nil {
		_ = s.out.Truncate(0)
	}
}
