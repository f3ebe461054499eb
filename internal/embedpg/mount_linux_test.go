package embedpg

import "golang.org/x/sys/unix"

func mount(dir, options string) error {
	var flags uintptr
	if len(options) > 3 && options[:3] == "ro," {
		flags, options = unix.MS_RDONLY, options[3:]
	}
	return unix.Mount("tmpfs", dir, "tmpfs", flags, options)
}

func unmount(dir string) { _ = unix.Unmount(dir, unix.MNT_DETACH) }
