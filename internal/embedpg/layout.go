//go:build linux || darwin

package embedpg

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// layout is where one server's files are, and whose.
type layout struct {
	home string    // SLUICE_HOME
	dir  string    // the server's folder
	user *identity // owner of dir and of every server process; nil: ourselves
	keep *identity // owner of home, who keeps the passwords; nil: ourselves
}

func (l layout) data() string           { return filepath.Join(l.dir, "data") }
func (l layout) log() string            { return filepath.Join(l.dir, "postgres.log") }
func (l layout) supervisorLog() string  { return filepath.Join(l.dir, "supervisor.log") }
func (l layout) state() string          { return filepath.Join(l.dir, "state.json") }
func (l layout) port() string           { return filepath.Join(l.dir, "port") }
func (l layout) bootstrapped() string   { return filepath.Join(l.dir, "bootstrapped") }
func (l layout) clientsLock() string    { return filepath.Join(l.dir, "clients.lock") }
func (l layout) startLock() string      { return filepath.Join(l.dir, "start.lock") }
func (l layout) supervisorLock() string { return filepath.Join(l.dir, "supervisor.lock") }
func (l layout) passwords() string      { return filepath.Join(l.home, "postgres-passwords.json") }

// Where root's servers go when their user cannot reach the home. Variables for
// the tests.
var (
	systemDir = "/var/lib/sluice"
	spareDir  = "/tmp"
)

// locate finds the server's folder of a home, and creates both when missing.
// Once made, a folder stays where it is: first comes what is there already.
func locate(home string) (layout, error) {
	l := layout{home: home}
	root := os.Geteuid() == 0
	if root {
		l.keep = homeOwner(home)
		l.user = l.keep
		if l.user == nil {
			l.user = defaultIdentity()
		}
	}

	// Others may pass through a folder that root makes, or the server's user
	// could not. What is secret has its own mode.
	mode := fs.FileMode(0o700)
	if root {
		mode = 0o755
	}
	if err := makeDirs(home, mode, l.keep); err != nil {
		return l, cannotWrite(home, err)
	}

	inside, pointer := filepath.Join(home, "postgres"), filepath.Join(home, "postgres.location")
	if text, err := os.ReadFile(pointer); err == nil {
		l.dir = strings.TrimSpace(string(text))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return l, fmt.Errorf("where the server of %s is: %w", home, err)
	}
	if info, err := os.Stat(inside); err == nil {
		l.dir = inside
		// Made by a plain user, who keeps it although root asks now.
		if owner := ownerIdentity(info); root && owner != nil {
			l.user = owner
		}
	} else if l.dir == "" && l.user.canReach(home) {
		l.dir = inside
	}
	if l.dir == "" {
		if err := l.placeElsewhere(pointer); err != nil {
			return l, err
		}
	}
	return l, l.makeDir()
}

// homeOwner is the plain user to whom home belongs or will belong, so that
// `sudo sluice` leaves nothing in somebody's home that they cannot use. Nil
// when that is root.
func homeOwner(home string) *identity {
	for path := home; ; path = filepath.Dir(path) {
		if info, err := os.Stat(path); err == nil {
			return ownerIdentity(info)
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// placeElsewhere chooses a folder that the server's user can reach, and leaves
// word of it in the home. We never open somebody's home to others instead.
func (l *layout) placeElsewhere(pointer string) error {
	real, err := filepath.EvalSymlinks(l.home)
	if err != nil {
		return fmt.Errorf("home of the embedded server: %w", err)
	}
	sum := sha256.Sum256([]byte(real))
	hash := hex.EncodeToString(sum[:6])

	var tried []string
	for _, place := range []struct{ parent, name string }{{systemDir, hash}, {spareDir, "sluice-" + hash}} {
		if err := makeDirs(place.parent, 0o755, nil); err != nil {
			tried = append(tried, err.Error())
			continue
		}
		if !l.user.canReach(place.parent) {
			tried = append(tried, place.parent+" is closed to user "+l.user.String())
			continue
		}
		l.dir = filepath.Join(place.parent, place.name)
		if err := l.makeDir(); err != nil {
			tried = append(tried, err.Error())
			continue
		}
		// For sweepAbandoned, and for people who wonder what this folder is.
		if err := writeFile(filepath.Join(l.dir, "home"), real+"\n", 0o600, l.user); err != nil {
			return cannotWrite(l.dir, err)
		}
		if err := writeFile(pointer, l.dir+"\n", 0o644, l.keep); err != nil {
			return cannotWrite(l.home, err)
		}
		return nil
	}
	return fmt.Errorf("PostgreSQL must not run as root, user %s cannot reach %s, and there is no other place (%s): "+
		"set %s to a folder that everybody may pass through, %s",
		l.user, l.home, strings.Join(tried, "; "), envHome, ownServer)
}

// makeDir creates the server's folder, or checks the one that is there.
func (l *layout) makeDir() error {
	if err := os.Mkdir(l.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return cannotWrite(l.dir, err)
	}
	info, err := os.Lstat(l.dir)
	if err != nil {
		return cannotWrite(l.dir, err)
	}
	// Somebody may have made something of this name in /tmp before us.
	shared := filepath.Dir(l.dir) == spareDir
	if info.Mode()&fs.ModeSymlink != 0 {
		if shared {
			return fmt.Errorf("%s is a link, in a folder where everybody may make one", l.dir)
		}
		if info, err = os.Stat(l.dir); err != nil {
			return cannotWrite(l.dir, err)
		}
	}
	uid, _ := ownerOf(info)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is in the way: the embedded server needs a folder of that name; move it, or set %s", l.dir, envHome)
	case l.user == nil && uid != os.Geteuid():
		owner := lookup(fmt.Sprint(uid))
		name := fmt.Sprint(uid)
		if owner != nil {
			name = owner.name
		}
		return fmt.Errorf("the embedded server in %s belongs to user %s: run sluice as that user or root, set %s to another folder, %s",
			l.dir, name, envHome, ownServer)
	case l.user != nil && uid == 0:
		if err := l.user.chown(l.dir); err != nil {
			return fmt.Errorf("give %s to user %s: %w", l.dir, l.user, err)
		}
	case l.user != nil && uid != l.user.uid:
		if shared {
			return fmt.Errorf("%s belongs to another user", l.dir)
		}
		l.user = ownerIdentity(info)
	}
	if info.Mode().Perm() != 0o700 {
		if err := os.Chmod(l.dir, 0o700); err != nil {
			return fmt.Errorf("close %s to others: %w", l.dir, err)
		}
	}
	return nil
}

// PrivateDir makes a folder that only we can write to, or checks that the one that
// is there is such a folder: whoever chooses a home by a name that everybody can
// guess asks first, or it may be somebody else's, passwords and all. Folders above
// are made too; the one right above must be ours, or one like /tmp.
func PrivateDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make a private folder: %w", err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("private folder: %w", err)
	}
	uid, _ := ownerOf(info)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is a link and not a folder", path)
	case uid != os.Geteuid():
		return fmt.Errorf("%s belongs to user %d, not to us", path, uid)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others may write to %s: chmod go-w, or remove it", path)
	}
	parent := filepath.Dir(path)
	if info, err = os.Stat(parent); err != nil {
		return fmt.Errorf("private folder: %w", err)
	}
	uid, _ = ownerOf(info)
	if uid != os.Geteuid() && uid != 0 || info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("others may put a folder of theirs in the place of %s: see owner and mode of %s", path, parent)
	}
	return nil
}

// cannotWrite makes the messages of read-only, full and foreign folders useful.
func cannotWrite(path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("no space left for the embedded server in %s: free some (it needs 100 MB at first), set %s to a folder on another disk, %s",
			path, envHome, ownServer)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("cannot write to %s, where the embedded server keeps its files (%w): set %s to a folder of yours, %s",
			path, err, envHome, ownServer)
	}
	return fmt.Errorf("folder of the embedded server: %w; set %s to another folder, %s", err, envHome, ownServer)
}

// writeFile replaces a small file so that readers see the old or the new text,
// never a part.
func writeFile(path, text string, mode fs.FileMode, owner *identity) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, as it should
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = owner.chown(f.Name())
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// gone reports that a file is certainly not there, not merely out of reach.
func gone(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}
