//go:build linux || darwin

package serve

import "golang.org/x/sys/unix"

// diskSpace asks the system about the file system of path.
func diskSpace(path string) (free, size float64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, 0, err
	}
	block := float64(st.Bsize)
	return float64(st.Bavail) * block, float64(st.Blocks) * block, nil
}
