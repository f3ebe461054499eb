//go:build linux || darwin

package backup

import (
	"io/fs"
	"os"
	"syscall"
)

// chownAs gives a file the owner of another.
func chownAs(path string, like fs.FileInfo) error {
	st := like.Sys().(*syscall.Stat_t)
	return os.Chown(path, int(st.Uid), int(st.Gid))
}
