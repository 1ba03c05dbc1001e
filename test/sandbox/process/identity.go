package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Identity is a process id together with the time at which that process started, because ids are used again.
type Identity struct {
	PID int `json:"pid"`
	// StartTicks is the kernel's start time of the process (clock ticks since boot); 0 where the kernel does not tell.
	StartTicks uint64 `json:"startTicks,omitempty"`
}

// IdentityOf returns the identity of a running process.
func IdentityOf(pid int) Identity {
	return Identity{PID: pid, StartTicks: startTicks(pid)}
}

// Alive reports whether that very process still runs. A zombie does not.
func (i Identity) Alive() bool {
	if i.PID <= 0 {
		return false
	}
	if err := syscall.Kill(i.PID, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	if i.StartTicks == 0 {
		return true
	}
	state, ticks, err := stat(i.PID)
	return err == nil && state != "Z" && ticks == i.StartTicks
}

// Signal sends a signal to that very process; it is an error if it no longer runs.
func (i Identity) Signal(signal syscall.Signal) error {
	if !i.Alive() {
		return fmt.Errorf("process %d is gone", i.PID)
	}
	return syscall.Kill(i.PID, signal)
}

func startTicks(pid int) uint64 {
	_, ticks, err := stat(pid)
	if err != nil {
		return 0
	}
	return ticks
}

// stat reads the state letter and the start time (fields 3 and 22 of proc_pid_stat(5)).
func stat(pid int) (state string, ticks uint64, err error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0, err
	}
	// The second field is the program's name in parentheses and may hold anything; count from behind it.
	fields := strings.Fields(string(content[strings.LastIndex(string(content), ")")+1:]))
	if len(fields) < 20 {
		return "", 0, fmt.Errorf("unexpected content of /proc/%d/stat", pid)
	}
	ticks, err = strconv.ParseUint(fields[19], 10, 64)
	return fields[0], ticks, err
}
