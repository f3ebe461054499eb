//go:build linux || darwin

package embedpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// Server is one process's hold on the server of a home.
type Server struct {
	cfg   Config
	files layout

	mu      sync.Mutex // guards what follows; held while Ensure works
	clients *os.File   // clients.lock, shared; nil after Close
	state   state
	pw      passwords
}

// Start makes sure that the server of cfg.Home runs (starting it, or joining the
// one that another process started) and holds it until Close. The first start on
// a machine downloads the server, the first of a home creates its data folder;
// after a crash PostgreSQL first recovers, which ctx may cut short.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if !mainCalled.Load() {
		return nil, errNoMain
	}
	files, err := locate(cfg.Home)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, files: files}
	if s.clients, err = lock(ctx, files.clientsLock(), syscall.LOCK_SH, files.user); err != nil {
		return nil, cannotWrite(files.dir, err)
	}
	if err := s.Ensure(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Ensure starts the server again if it died, and otherwise only looks: about a
// millisecond. It may be called often and from several processes. The supervisor
// brings a dead postmaster back by itself and on the same port; Ensure waits for
// that. When the supervisor died too, the port may have changed: ask URL again.
func (s *Server) Ensure(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients == nil {
		return errors.New("the embedded server was closed")
	}
	began, told := time.Now(), false
	for {
		if err := s.rehold(ctx); err != nil {
			return err
		}
		if ok, err := s.join(ctx); ok || err != nil {
			return err
		}
		held, err := openLock(s.files.startLock(), s.files.user)
		if err != nil {
			return cannotWrite(s.files.dir, err)
		}
		if err = tryLock(held, syscall.LOCK_EX); err == nil {
			err = s.start(ctx)
		} else if errors.Is(err, errLocked) {
			err = nil // somebody else is at it
		}
		held.Close()
		if err != nil {
			return err
		}
		if !told && time.Since(began) > 5*time.Second {
			told = true
			s.cfg.Logger.Info("waiting for the embedded server", "log", s.files.log())
		}
		if err := sleep(ctx, lockPoll); err != nil {
			return fmt.Errorf("wait for the embedded server, whose log is %s: %w", s.files.log(), err)
		}
	}
}

// rehold notices that somebody removed the server's folder under us: the lock
// that we hold is then on a file that nobody else finds.
func (s *Server) rehold(ctx context.Context) error {
	if stillThere(s.clients) {
		return nil
	}
	files, err := locate(s.cfg.Home)
	if err != nil {
		return err
	}
	clients, err := lock(ctx, files.clientsLock(), syscall.LOCK_SH, files.user)
	if err != nil {
		return cannotWrite(files.dir, err)
	}
	s.clients.Close()
	s.clients, s.files = clients, files
	return nil
}

// join reports whether the server runs and is complete, and takes note of it.
func (s *Server) join(ctx context.Context) (bool, error) {
	if !supervised(s.files) || !isBootstrapped(s.files) {
		return false, nil
	}
	st, err := readState(s.files.state())
	if err != nil || st.Phase != phaseReady || ping(ctx, st.Port) != nil {
		return false, nil
	}
	pw, err := readPasswords(s.files)
	if err != nil {
		return false, err
	}
	s.state, s.pw = st, pw
	return true, nil
}

// supervised reports whether a supervisor lives.
func supervised(l layout) bool {
	f, err := os.OpenFile(l.supervisorLock(), os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(tryLock(f, syscall.LOCK_SH), errLocked)
}

// start brings the server up and completes it. The caller holds start.lock, and
// clients.lock, so the supervisor will not leave meanwhile.
func (s *Server) start(ctx context.Context) error {
	began := time.Now()
	pw, err := loadPasswords(s.files)
	if err != nil {
		return err
	}
	var ended <-chan struct{}
	if !supervised(s.files) {
		bin := s.cfg.Programs
		if bin == "" {
			if bin, err = binaries(ctx, s.cfg, s.files.user); err != nil {
				return err
			}
		}
		if s.files.user != nil {
			sweepAbandoned()
		}
		if err := initialise(ctx, s.files, s.cfg, bin, pw); err != nil {
			return err
		}
		// What the last supervisor left would be taken for the new one's words.
		if err := os.Remove(s.files.state()); err != nil && !os.IsNotExist(err) {
			return cannotWrite(s.files.dir, err)
		}
		ended, err = spawn(s.files, supervisorSpec{
			Home: s.files.home, Dir: s.files.dir, Bin: bin,
			Port: s.cfg.Port, Linger: s.cfg.Linger, Settings: s.cfg.Settings,
		})
		if err != nil {
			return err
		}
	}
	port, err := s.awaitReady(ctx, ended)
	if err != nil || port == 0 {
		return err
	}
	if !isBootstrapped(s.files) {
		if err := bootstrap(ctx, s.files, pw, port); err != nil {
			return err
		}
	}
	s.cfg.Logger.Info("the embedded PostgreSQL is up", "folder", s.files.dir, "port", port, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// awaitReady waits until the supervisor says that the server is ready, and
// returns its port. Without an error the port is 0 when a supervisor that
// somebody else had started went away: the caller looks afresh.
func (s *Server) awaitReady(ctx context.Context, ended <-chan struct{}) (int, error) {
	for {
		over := false
		if ended != nil {
			select {
			case <-ended:
				over = true
			default:
			}
		} else {
			over = !supervised(s.files)
		}
		st, err := readState(s.files.state())
		switch {
		case err == nil && st.Phase == phaseReady && !over && ping(ctx, st.Port) == nil:
			return st.Port, nil
		case err == nil && st.Phase == phaseFailed && over:
			return 0, errors.New(st.Error)
		case over && ended != nil:
			return 0, fmt.Errorf("the supervisor of the embedded server ended early: see %s and %s", s.files.supervisorLog(), s.files.log())
		case over:
			return 0, nil
		}
		if err := sleep(ctx, readyPoll); err != nil {
			return 0, fmt.Errorf("wait for the embedded server, whose log is %s: %w", s.files.log(), err)
		}
	}
}

// Close lets go of the server. The last one out stops it, after Linger. It may
// be called more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients == nil {
		return nil
	}
	err := s.clients.Close() // and with it the lock
	s.clients = nil
	return err
}

// WaitStopped waits, after Close, until the server has stopped and its folder
// may be removed. Other clients make it wait for them too.
func (s *Server) WaitStopped(ctx context.Context) error {
	for supervised(s.files) {
		if err := sleep(ctx, lockPoll); err != nil {
			return fmt.Errorf("wait for the embedded server in %s to stop: %w", s.files.dir, err)
		}
	}
	return nil
}

// URL is how the application connects: as role sluice, which owns the database
// sluice and may create roles, but is no superuser.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return serverURL(s.state.Port, roleName, s.pw.Sluice, databaseName)
}

// AdminURL connects to the same database as superuser. It is for backups, drills and
// tests; what handles documents never uses it.
func (s *Server) AdminURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return serverURL(s.state.Port, "postgres", s.pw.Postgres, databaseName)
}

// Port is where the server listens on 127.0.0.1.
func (s *Server) Port() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Port
}

// DataDir is PostgreSQL's data folder.
func (s *Server) DataDir() string { return s.files.data() }

// PID is the postmaster's process, as of now.
func (s *Server) PID() int { return s.latest().Postmaster }

// latest is the supervisor's word, or what it was at the last Ensure.
func (s *Server) latest() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, err := readState(s.files.state()); err == nil {
		return st
	}
	return s.state
}
