package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// logTailBytes is how much of a program's log an error carries.
const logTailBytes = 3 << 10

// Spec is a program to run.
type Spec struct {
	Name string   // for errors
	Path string   // of the program
	Args []string // without the program itself
	Log  string   // file that standard output and standard error are appended to
}

// Process is a running child. Its methods may be called from several goroutines.
type Process struct {
	spec   Spec
	pid    int
	exited chan struct{}

	mu       sync.Mutex
	stopping bool
	waitErr  error
}

// Start runs the program in a process group of its own. It is killed when this process dies.
//
// The goroutine that starts it also waits for it, on one locked thread: the kernel's "kill me when my parent dies" is about
// the parent's *thread*, and the Go runtime may end any thread that is not locked.
func Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", spec.Name, err)
	}
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Dir = filepath.Dir(spec.Log) // whatever a program leaves in its working folder stays with the sandbox
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()

	p := &Process{spec: spec, exited: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = log.Close() }()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.pid = cmd.Process.Pid
		started <- nil
		err := cmd.Wait()
		p.mu.Lock()
		p.waitErr = err
		p.mu.Unlock()
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Name, err)
	}
	return p, nil
}

// Name is the name the process was started under.
func (p *Process) Name() string { return p.spec.Name }

// PID is the process id.
func (p *Process) PID() int { return p.pid }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Err says how the process ended, with the end of its log; nil while it runs and after Stop.
func (p *Process) Err() error {
	select {
	case <-p.exited:
	default:
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping {
		return nil
	}
	how := "exited"
	if p.waitErr != nil {
		how = p.waitErr.Error()
	}
	return fmt.Errorf("%s died (%s); the end of %s:\n%s", p.spec.Name, how, p.spec.Log, LogTail(p.spec.Log))
}

// Stop ends the process and whatever it started: politely, and after grace with a kill. It returns when it is gone.
func (p *Process) Stop(grace time.Duration) error {
	p.mu.Lock()
	p.stopping = true
	p.mu.Unlock()
	select {
	case <-p.exited:
		return nil
	default:
	}
	if err := signalGroup(p.pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping %s: %w", p.spec.Name, err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.exited:
		return nil
	case <-timer.C:
	}
	if err := signalGroup(p.pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("killing %s: %w", p.spec.Name, err)
	}
	<-p.exited
	return nil
}

// signalGroup signals the process group that pid leads. A group that is gone is no error.
func signalGroup(pid int, signal syscall.Signal) error {
	if err := syscall.Kill(-pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// LogTail returns the last lines of a log file, or why it could not be read.
func LogTail(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "(" + err.Error() + ")"
	}
	offset := max(0, info.Size()-logTailBytes)
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return "(" + err.Error() + ")"
	}
	content, err := io.ReadAll(f)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	text := strings.TrimSpace(string(content))
	if offset > 0 {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}

// LogTail returns the last lines the process wrote.
func (p *Process) LogTail() string { return LogTail(p.spec.Log) }
