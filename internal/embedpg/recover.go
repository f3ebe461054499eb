//go:build linux || darwin

package embedpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Recover makes the server of a home from the files of a backup: it has them put in place, runs PostgreSQL
// until it has replayed what it was told to, gives the home passwords, and leaves a stopped server that Start starts as any other.
// The home must not have a server yet. Cut off at any point it has left none, and the next try begins anew.
//
// Nobody else can connect meanwhile: the server listens on a socket in a folder that is its user's alone.
func Recover(ctx context.Context, cfg Config, r Recovery) (Recovered, error) {
	out, err := recoverHome(ctx, cfg, r)
	if err != nil {
		return out, fmt.Errorf("restore a server: %w", err)
	}
	return out, nil
}

func recoverHome(ctx context.Context, cfg Config, r Recovery) (out Recovered, err error) {
	cfg, err = cfg.complete()
	if err != nil {
		return out, err
	}
	l, err := locate(cfg.Home)
	if err != nil {
		return out, err
	}
	held, err := lock(ctx, l.startLock(), syscall.LOCK_EX, l.user)
	if err != nil {
		return out, cannotWrite(l.dir, err)
	}
	defer held.Close()
	if supervised(l) || !gone(l.data()) {
		return out, fmt.Errorf("%w in %s: restore into another --home, or move that folder and %s away", ErrHasServer, l.dir, l.passwords())
	}
	bin := cfg.Programs
	if bin == "" {
		if bin, err = binaries(ctx, cfg, l.user); err != nil {
			return out, err
		}
	}
	// The same name as initialise's, which removes what a killed one has left.
	fresh, err := freshData(l)
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(fresh) // fails to find it after the rename
	beside := filepath.Join(l.dir, "tablespaces")
	if err := os.RemoveAll(beside); err != nil {
		return out, cannotWrite(l.dir, err)
	}
	if err := r.Fill(fresh, beside); err != nil {
		return out, err
	}
	if err := r.complete(fresh); err != nil {
		return out, err
	}
	for _, dir := range []string{fresh, beside} {
		if err := l.user.chownAll(dir); err != nil {
			return out, fmt.Errorf("give the files to user %s: %w", l.user, err)
		}
	}
	pw, err := newPasswords(l)
	if err != nil {
		return out, err
	}
	if out, err = r.replay(ctx, l, bin, fresh, pw); err != nil {
		return out, err
	}
	if err := writeFile(l.bootstrapped(), bootstrapVersion, 0o600, l.user); err != nil {
		return out, cannotWrite(l.dir, err)
	}
	// Last: from here on there is a server.
	if err := os.Rename(fresh, l.data()); err != nil {
		return out, cannotWrite(l.dir, err)
	}
	return out, nil
}

// freshData makes an empty data folder under another name, after removing what others have left.
func freshData(l layout) (string, error) {
	leftovers, _ := filepath.Glob(filepath.Join(l.dir, "data.new-*"))
	for _, path := range leftovers {
		os.RemoveAll(path)
	}
	fresh, err := os.MkdirTemp(l.dir, "data.new-*")
	if err != nil {
		return "", cannotWrite(l.dir, err)
	}
	if err := l.user.chown(fresh); err != nil {
		return "", cannotWrite(l.dir, err)
	}
	return fresh, nil
}

// newPasswords are made up anew: a backup has no passwords that anybody could read.
func newPasswords(l layout) (passwords, error) {
	if err := os.Remove(l.passwords()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return passwords{}, cannotWrite(l.home, err)
	}
	return loadPasswords(l)
}

// chownAll gives a folder and all in it to the user.
func (id *identity) chownAll(dir string) error {
	if id == nil {
		return nil
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return id.chown(path)
	})
	if errors.Is(err, fs.ErrNotExist) && gone(dir) {
		return nil
	}
	return err
}

// configuration is what a data folder gets whose own configuration is another machine's: paths,
// certificates, libraries and, above all, an archive_command that would archive the copy as the original.
const configuration = "# Made by sluice: this server was restored from a backup, without its configuration.\ninclude_if_exists = 'sluice.conf'\n"

// access lets in who has a password, from this machine.
const access = "host all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n"

// complete makes the files a data folder that the supervisor can run.
func (r Recovery) complete(data string) error {
	conf, err := os.ReadFile(filepath.Join(data, "postgresql.conf"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	files := map[string]string{"recovery.signal": ""}
	if r.Scratch || !strings.Contains(string(conf), "include_if_exists = 'sluice.conf'") {
		for name, text := range map[string]string{"postgresql.conf": configuration, "postgresql.auto.conf": "", "pg_hba.conf": access, "pg_ident.conf": ""} {
			files[name] = text
		}
	}
	for name, text := range files {
		if err := writeFile(filepath.Join(data, name), text, 0o600, nil); err != nil {
			return err
		}
	}
	for _, name := range []string{"postmaster.pid", "standby.signal", "sluice.conf"} {
		if err := os.Remove(filepath.Join(data, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// replay runs the server until it is through, and sets the passwords.
func (r Recovery) replay(ctx context.Context, l layout, bin, data string, pw passwords) (out Recovered, err error) {
	// A socket's path is 107 bytes at most, so not below the home.
	socket, err := os.MkdirTemp(spareDir, "sluice-restore-*")
	if err != nil {
		return out, fmt.Errorf("folder for a socket: %w", err)
	}
	defer os.RemoveAll(socket)
	hba := filepath.Join(socket, "hba")
	if err := writeFile(hba, "local all all trust\n", 0o600, l.user); err != nil {
		return out, err
	}
	if err := l.user.chown(socket); err != nil {
		return out, err
	}
	args := []string{"-D", data}
	for name, value := range r.settings(socket, hba) {
		args = append(args, "-c", name+"="+value)
	}
	p, err := startRecovery(l, filepath.Join(bin, "bin", "postgres"), args)
	if err != nil {
		return out, err
	}
	defer p.kill()
	if err := p.ready(ctx, data); err != nil {
		return out, err
	}
	if out, err = r.enter(ctx, socket, pw); err != nil {
		return out, err
	}
	return out, p.stop(ctx)
}

// settings of the recovery. They come on the command line, which wins over every file.
func (r Recovery) settings(socket, hba string) map[string]string {
	m := map[string]string{
		"listen_addresses": "", "unix_socket_directories": socket, "port": "5432", "hba_file": hba,
		"timezone": "UTC", "log_timezone": "UTC", "log_line_prefix": "%m [%p] ", "logging_collector": "off",
		"archive_mode": "off", // it is a copy until somebody says that it goes on
		"hot_standby":  "off", // nobody asks before it is through, and it would want the settings of the original
		"fsync":        "on",  // what is replayed stays
		"max_wal_size": "4GB", // fewer restart points
		// What may not be on this machine: a certificate, libraries.
		"ssl": "off", "jit": "off", "shared_preload_libraries": "",
	}
	maps.Copy(m, r.Settings)
	return m
}

// recovering is a postmaster that replays WAL.
type recovering struct {
	cmd    *exec.Cmd
	ended  chan error // one value when it has ended
	over   bool       // that value was taken
	log    *os.File
	offset int64 // of log, where its words begin
}

func startRecovery(l layout, program string, args []string) (*recovering, error) {
	log, err := openOwned(l.log(), os.O_RDWR|os.O_CREATE|os.O_APPEND, l.user)
	if err != nil {
		return nil, cannotWrite(l.dir, err)
	}
	p := &recovering{cmd: exec.Command(program, args...), ended: make(chan error, 1), log: log}
	if p.offset, err = log.Seek(0, io.SeekEnd); err != nil {
		log.Close()
		return nil, err
	}
	p.cmd.Env, p.cmd.Dir = serverEnv(l.dir), l.dir
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: l.user.credential()}
	dieWithParent(p.cmd.SysProcAttr)
	started := make(chan error)
	go func() {
		// The kernel stops the server when the thread that started it ends: this one waits for it.
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.ended <- p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		log.Close()
		return nil, asUserError(l.user, err)
	}
	return p, nil
}

// ready waits until the server is open, which it is when it has replayed everything.
func (p *recovering) ready(ctx context.Context, data string) error {
	for !postmasterReady(data, p.cmd.Process.Pid) {
		select {
		case err := <-p.ended:
			p.over = true
			text, _ := io.ReadAll(io.NewSectionReader(p.log, p.offset, 1<<20))
			said := complaints(string(text))
			if said == "" {
				said = fmt.Sprintf("%v: %s", err, lastLine(string(text)))
			}
			return fmt.Errorf("PostgreSQL does not get there: %s (see %s)", said, p.log.Name())
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// stop ends the server in good order, with a checkpoint.
func (p *recovering) stop(ctx context.Context) error {
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	select {
	case err := <-p.ended:
		p.over = true
		if err != nil {
			return fmt.Errorf("PostgreSQL does not end in good order: %w (see %s)", err, p.log.Name())
		}
		return nil
	case <-time.After(stopPatience):
		return errors.New("PostgreSQL does not end")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// kill ends a server that has not ended.
func (p *recovering) kill() {
	defer p.log.Close()
	if p.over {
		return
	}
	for _, s := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} {
		_ = p.cmd.Process.Signal(s)
		select {
		case <-p.ended:
			return
		case <-time.After(10 * time.Second):
		}
	}
}

// enter connects to the server that has got there, asks where it is and sets the passwords.
func (r Recovery) enter(ctx context.Context, socket string, pw passwords) (out Recovered, err error) {
	u := url.URL{Scheme: "postgres", User: url.User(r.Superuser), Path: "/template1", RawQuery: url.Values{"host": {socket}, "port": {"5432"}, "sslmode": {"disable"}}.Encode()}
	conn, err := pgx.Connect(ctx, u.String())
	if err != nil {
		return out, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var last *time.Time
	err = conn.QueryRow(ctx, `select pg_last_xact_replay_timestamp(), pg_current_wal_lsn()::text, (select timeline_id from pg_control_checkpoint())`).
		Scan(&last, &out.LSN, &out.Timeline)
	if err != nil {
		return out, fmt.Errorf("where the restored server is: %w", err)
	}
	if last != nil {
		out.LastCommit = last.UTC()
	}
	for name, password := range map[string]string{r.Superuser: pw.Postgres, roleName: pw.Sluice} {
		// A server of somebody's own need not have our role.
		_, err := conn.Exec(ctx, `do $$ begin if exists (select from pg_roles where rolname = `+literal(name)+`) then alter role `+
			pgx.Identifier{name}.Sanitize()+` password `+literal(password)+`; end if; end $$`)
		if err != nil {
			return out, fmt.Errorf("set the password of %s: %w", name, err)
		}
	}
	return out, nil
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
