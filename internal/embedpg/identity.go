//go:build linux || darwin

package embedpg

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// identity is the user that the server runs as when we are root. A nil
// *identity means ourselves, and its methods then do nothing.
type identity struct {
	name     string
	uid, gid int
}

// serverUsers are the users root becomes, in this order, when no folder decides.
// A user of its own is best: with nobody, other programs that run as nobody
// could reach the data files.
var serverUsers = []string{"sluice", "postgres", "nobody"}

// defaultIdentity is the first of serverUsers that exists.
func defaultIdentity() *identity {
	for _, name := range serverUsers {
		if id := lookup(name); id != nil && id.uid != 0 {
			return id
		}
	}
	// Containers made from nothing have no /etc/passwd. The number that Linux
	// itself uses for "nobody" needs none.
	return &identity{name: "nobody", uid: 65534, gid: 65534}
}

func lookup(nameOrID string) *identity {
	u, err := user.Lookup(nameOrID)
	if err != nil {
		if u, err = user.LookupId(nameOrID); err != nil {
			return nil
		}
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err1 != nil || err2 != nil {
		return nil
	}
	return &identity{name: u.Username, uid: uid, gid: gid}
}

// ownerIdentity is the owner of an existing file, nil if that is root.
func ownerIdentity(info fs.FileInfo) *identity {
	uid, gid := ownerOf(info)
	if uid == 0 {
		return nil
	}
	if id := lookup(strconv.Itoa(uid)); id != nil {
		return id
	}
	return &identity{name: strconv.Itoa(uid), uid: uid, gid: gid}
}

func ownerOf(info fs.FileInfo) (uid, gid int) {
	st := info.Sys().(*syscall.Stat_t)
	return int(st.Uid), int(st.Gid)
}

func (id *identity) String() string {
	if id != nil {
		return id.name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Geteuid())
}

// credential is what a child process is given; nil keeps our own.
func (id *identity) credential() *syscall.Credential {
	if id == nil {
		return nil
	}
	return &syscall.Credential{Uid: uint32(id.uid), Gid: uint32(id.gid)}
}

func (id *identity) chown(path string) error {
	if id == nil {
		return nil
	}
	return os.Lchown(path, id.uid, id.gid)
}

// openOwned opens or creates a private file of owner's. The folder is theirs, so
// as root we must not follow a link that they put there.
func openOwned(path string, flag int, owner *identity) (*os.File, error) {
	f, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW, 0o600)
	if err != nil || owner == nil {
		return f, err
	}
	if err := f.Chown(owner.uid, owner.gid); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// canReach reports whether the user may go through every folder down to path.
// It looks at mode bits only: an access list that says more is ignored and one
// that says less shows when the server starts.
func (id *identity) canReach(path string) bool {
	if id == nil {
		return true
	}
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	for ; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil {
			return false
		}
		uid, gid := ownerOf(info)
		var need fs.FileMode = 0o001
		switch {
		case uid == id.uid:
			need = 0o100
		case gid == id.gid:
			need = 0o010
		}
		if info.IsDir() && info.Mode()&need == 0 {
			return false
		}
		if path == filepath.Dir(path) {
			return true
		}
	}
}

// makeDirs is os.MkdirAll, but what it creates belongs to owner.
func makeDirs(path string, mode fs.FileMode, owner *identity) error {
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is not a folder", path)
		}
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := makeDirs(parent, mode, owner); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, mode); err != nil {
		if os.IsExist(err) {
			return nil
		}
		return err
	}
	return owner.chown(path)
}
