//go:build linux || darwin

package embedpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// initialise makes sure that there is a data folder of our major version. The
// caller holds start.lock.
func initialise(ctx context.Context, l layout, cfg Config, bin string, pw passwords) error {
	text, err := os.ReadFile(filepath.Join(l.data(), "PG_VERSION"))
	if err == nil {
		if version := strings.TrimSpace(string(text)); version != majorVersion && cfg.Programs == "" {
			return fmt.Errorf("the data in %s are of PostgreSQL %s and this sluice runs %s: move the folder away or set %s to another one "+
				"(sluice imports the documents again from their sources), or run the old data with PostgreSQL %s and --database-url",
				l.data(), version, majorVersion, envHome, version)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at the data folder: %w", err)
	}
	if _, err := os.Lstat(l.data()); err == nil {
		return fmt.Errorf("%s is there but is no PostgreSQL data folder: move it away or set %s to another folder", l.data(), envHome)
	}

	// Made under another name and renamed, so that a crash leaves nothing half
	// done under the real one.
	fresh, err := freshData(l)
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh) // fails to find it after the rename
	if err := initdb(ctx, l, cfg, bin, fresh, pw.Postgres); err != nil {
		return err
	}
	if err := os.Rename(fresh, l.data()); err != nil {
		return cannotWrite(l.dir, err)
	}
	return nil
}

func initdb(ctx context.Context, l layout, cfg Config, bin, data, password string) error {
	began := time.Now()
	// Beside the data, not in it: initdb wants an empty folder.
	pwfile := data + ".password"
	if err := writeFile(pwfile, password+"\n", 0o600, l.user); err != nil {
		return cannotWrite(l.dir, err)
	}
	defer os.Remove(pwfile)

	args := []string{
		"--pgdata=" + data,
		"--username=postgres",
		"--pwfile=" + pwfile,
		"--auth=scram-sha-256",
		"--encoding=UTF8",
		// Compares bytes, as C does, but knows the letters of Unicode. Built in:
		// an update of the system's libc cannot corrupt an index.
		"--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
		"--data-checksums",
		"--no-instructions",
	}
	if cfg.Settings["fsync"] == "off" {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "bin", "initdb"), args...)
	cmd.Env = serverEnv(l.dir)
	cmd.Dir = l.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: l.user.credential()}
	// initdb has children of its own; take the whole session along.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return explainInitdb(ctx, l, string(out), err)
	}

	conf, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return cannotWrite(l.dir, err)
	}
	defer conf.Close()
	if _, err := conf.WriteString("\n# sluice's settings, see internal/embedpg/settings.go\ninclude_if_exists = 'sluice.conf'\n"); err != nil {
		return cannotWrite(l.dir, err)
	}
	if err := conf.Sync(); err != nil {
		return cannotWrite(l.dir, err)
	}
	cfg.Logger.Info("created a PostgreSQL data folder", "folder", l.data(), "user", l.user.String(), "took", time.Since(began).Round(time.Millisecond))
	return nil
}

func explainInitdb(ctx context.Context, l layout, out string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("create the data folder: %w", context.Cause(ctx))
	}
	if strings.Contains(out, syscall.ENOSPC.Error()) || strings.Contains(out, "No space left on device") {
		return cannotWrite(l.dir, syscall.ENOSPC)
	}
	if errors.Is(err, fs.ErrPermission) {
		return asUserError(l.user, err)
	}
	if said := complaints(out); said != "" {
		return fmt.Errorf("create the data folder %s: initdb: %s", l.data(), said)
	}
	return fmt.Errorf("create the data folder %s: initdb: %w: %s", l.data(), err, lastLine(out))
}

// complaints picks what matters out of a log of PostgreSQL's programs, as one
// line: fatal errors with their details and hints, without time and process.
func complaints(log string) string {
	var said []string
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		for _, level := range []string{"FATAL:", "PANIC:", "error:", "LOG:", "DETAIL:", "HINT:"} {
			_, rest, ok := strings.Cut(line, level+" ")
			if !ok {
				continue
			}
			rest = strings.TrimSuffix(strings.TrimSpace(rest), ".")
			switch level {
			case "LOG:":
				// A bad setting is only logged; the fatal error names the file.
				ok = strings.Contains(rest, "parameter \"")
			case "DETAIL:", "HINT:":
				ok = len(said) > 0
			}
			if ok && len(said) < 4 && !strings.Contains(strings.Join(said, " "), rest) {
				said = append(said, rest)
			}
			break
		}
	}
	return strings.Join(said, "; ")
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
