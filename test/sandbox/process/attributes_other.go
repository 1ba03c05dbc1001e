//go:build !linux

package process

import "syscall"

// attributes puts the child into a process group of its own. Without Linux's parent-death signal a sandbox that is killed
// with SIGKILL leaves its children; `sandbox status` shows their process ids.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
