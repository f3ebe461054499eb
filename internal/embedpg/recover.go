//go:build linux || darwin

package embedpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	settings := map[string]string{
		"listen_addresses": "", "unix_socket_directories": socket, "port": "5432", "hba_file": hba, "timezone": "UTC", "log_timezone": "UTC",
		"archive_mode":    "off", // it is a copy until somebody says that it goes on
		"hot_standby":     "off", // nobody asks before it is through, and it would want the settings of the original
		"fsync":           "on",  // what is replayed stays
		"max_wal_size":    "4GB", // fewer restart points
		"ssl":             "off", // its key may be elsewhere
		"jit":             "off", // libraries of the original machine
		"log_line_prefix": "%m [%p] ", "shared_preload_libraries": "",
	}
	for name, value := range r.Settings {
		settings[name] = value
	}
	args := []string{"-D", data}
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	log, err := openOwned(l.log(), os.O_RDWR|os.O_CREATE|os.O_APPEND, l.user)
	if err != nil {
		return out, cannotWrite(l.dir, err)
	}
	defer log.Close()
	offset, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return out, err
	}

	cmd := exec.Command(filepath.Join(bin, "bin", "postgres"), args...)
	cmd.Env, cmd.Dir = serverEnv(l.dir), l.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: l.user.credential()}
	dieWithParent(cmd.SysProcAttr)
	ended := make(chan error, 1)
	started := make(chan error)
	go func() {
		// The kernel stops the server when the thread that started it ends: this one waits for it.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return out, asUserError(l.user, err)
	}
	alive := true
	defer func() {
		if !alive {
			return
		}
		for _, s := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} {
			_ = cmd.Process.Signal(s)
			select {
			case <-ended:
				return
			case <-time.After(10 * time.Second):
			}
		}
	}()
	for !postmasterReady(data, cmd.Process.Pid) {
		select {
		case err := <-ended:
			alive = false
			text, _ := io.ReadAll(io.NewSectionReader(log, offset, 1<<20))
			if said := complaints(string(text)); said != "" {
				return out, fmt.Errorf("PostgreSQL does not get there: %s (see %s)", said, l.log())
			}
			return out, fmt.Errorf("PostgreSQL does not get there: %v: %s (see %s)", err, lastLine(string(text)), l.log())
		case <-ctx.Done():
			return out, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if out, err = r.enter(ctx, socket, pw); err != nil {
		return out, err
	}
	_ = cmd.Process.Signal(syscall.SIGINT) // with a checkpoint
	select {
	case err := <-ended:
		alive = false
		if err != nil {
			return out, fmt.Errorf("PostgreSQL does not end in good order: %w (see %s)", err, l.log())
		}
	case <-time.After(stopPatience):
		return out, errors.New("PostgreSQL does not end")
	case <-ctx.Done():
		return out, context.Cause(ctx)
	}
	return out, nil
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
