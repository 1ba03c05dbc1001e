package process

import "syscall"

// attributes puts the child into a process group of its own, so a Ctrl-C reaches the sandbox and not its children (it stops
// them in order), and has the kernel kill it when its parent dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
