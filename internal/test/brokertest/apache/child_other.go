//go:build !linux

package apache

import "syscall"

// childAttributes: a broker whose starter is killed stays; there is no way but Linux's.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
