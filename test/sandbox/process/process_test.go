package process

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func startShell(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start(Spec{Name: "shell", Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAProgramThatDiesIsExplainedByTheEndOfItsLog(t *testing.T) {
	p := startShell(t, "echo the disk is full; exit 3")
	<-p.Exited()
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "shell died (exit status 3)") || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("error is %v", err)
	}
}

func TestStopEndsTheProgramAndItsChildren(t *testing.T) {
	p := startShell(t, "sleep 1000 & echo $!; wait")
	child := Identity{}
	for deadline := time.Now().Add(10 * time.Second); child.PID == 0; {
		if pid, err := strconv.Atoi(p.LogTail()); err == nil {
			child = IdentityOf(pid)
		}
		if time.Now().After(deadline) {
			t.Fatal("the child has not said its id")
		}
	}
	if !child.Alive() {
		t.Fatal("the child does not run")
	}
	if err := p.Stop(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); err != nil {
		t.Errorf("after Stop the end is no error, but it is %v", err)
	}
	for deadline := time.Now().Add(10 * time.Second); child.Alive(); {
		if time.Now().After(deadline) {
			t.Fatal("the child is left")
		}
	}
}

func TestStopKillsAProgramThatDoesNotListen(t *testing.T) {
	p := startShell(t, "trap '' TERM; echo ready; while :; do sleep 0.1; done")
	for deadline := time.Now().Add(10 * time.Second); p.LogTail() != "ready"; {
		if time.Now().After(deadline) {
			t.Fatal("the program has not started")
		}
	}
	if err := p.Stop(50 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Exited():
	default:
		t.Error("the program still runs")
	}
}

func TestAProgramThatIsNotThereIsAnError(t *testing.T) {
	_, err := Start(Spec{Name: "ghost", Path: "/no/such/program", Log: filepath.Join(t.TempDir(), "log")})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
}

func TestFreePortsDifferAndCanBeListenedOn(t *testing.T) {
	ports, err := FreePorts(20)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, port := range ports {
		if seen[port] {
			t.Errorf("port %d comes twice", port)
		}
		seen[port] = true
		l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Errorf("port %d is not free: %v", port, err)
			continue
		}
		_ = l.Close()
	}
}

func TestATakenPortIsToldFromOtherDeaths(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, err = net.Listen("tcp4", l.Addr().String())
	if !PortTaken(err) {
		t.Errorf("%v is not told to be a taken port", err)
	}
	if PortTaken(errors.New("unknown flag")) || PortTaken(nil) {
		t.Error("another death is told to be a taken port")
	}
}

func TestAnIdentityIsOfOneProcessOnly(t *testing.T) {
	me := IdentityOf(os.Getpid())
	if !me.Alive() {
		t.Error("this process is not alive")
	}
	if me.StartTicks == 0 {
		t.Skip("the kernel does not tell start times")
	}
	later := Identity{PID: me.PID, StartTicks: me.StartTicks + 1}
	if later.Alive() {
		t.Error("a later process with the same id is taken for this one")
	}
	if err := later.Signal(syscall.SIGKILL); err == nil {
		t.Error("a process that is gone can be signalled")
	}
}
