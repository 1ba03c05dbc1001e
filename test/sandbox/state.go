package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/metapilot/metapilot/test/sandbox/components"
	"github.com/metapilot/metapilot/test/sandbox/process"
)

// ErrNotRunning is returned by Attach for a folder in which no sandbox runs.
var ErrNotRunning = errors.New("no sandbox runs there")

// State is what the state folder says about a running sandbox.
type State struct {
	Dir        string           `json:"dir"`
	Supervisor process.Identity `json:"supervisor"` // the process that holds the sandbox: `sandbox up`, or a test
	Standalone bool             `json:"standalone"` // held by `sandbox up`, so `sandbox down` may end it
	StartedAt  time.Time        `json:"startedAt"`
	Server     string           `json:"server"` // URL of the API server
	Kubeconfig string           `json:"kubeconfig"`
	Prometheus string           `json:"prometheus,omitempty"` // URL; "" where none runs
	Nodes      int              `json:"nodes"`
	Tenants    []RealTenant     `json:"realTenants,omitempty"`
	Components []ComponentState `json:"components"`
}

// ComponentState is one process of a sandbox.
type ComponentState struct {
	Name    string           `json:"name"`
	Version string           `json:"version"`
	Process process.Identity `json:"process"`
	Port    int              `json:"port"`
	Log     string           `json:"log"`
}

// StandaloneVariable is the environment variable by which `sandbox up` tells that it holds the sandbox for its own sake.
const StandaloneVariable = "METAPILOT_SANDBOX_STANDALONE"

// Attach returns the sandbox that another process runs in that state folder, or an error that is ErrNotRunning. Long work on
// it is told to progress; nil is silent.
func Attach(dir string, progress io.Writer) (*Sandbox, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the state folder: %w", err)
	}
	state, err := readState(layout(dir))
	if errors.Is(err, os.ErrNotExist) || err == nil && !state.Supervisor.Alive() {
		return nil, fmt.Errorf("%s: %w", dir, ErrNotRunning)
	}
	if err != nil {
		return nil, err
	}
	options, err := Options{Dir: dir, Nodes: state.Nodes, Progress: progress}.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Sandbox{files: layout(dir), options: options, attached: &state, prometheus: state.Prometheus, tenants: state.Tenants, failed: make(chan struct{})}
	return s, s.connect()
}

// State returns the sandbox's processes, ports and folders.
func (s *Sandbox) State() (State, error) {
	if s.attached != nil {
		return *s.attached, nil
	}
	return readState(s.files)
}

func (s *Sandbox) writeState() error {
	state := State{
		Dir:        string(s.files),
		Supervisor: process.IdentityOf(os.Getpid()),
		Standalone: os.Getenv(StandaloneVariable) != "",
		StartedAt:  s.started.UTC(),
		Server:     s.config.Host,
		Kubeconfig: s.files.kubeconfig(),
		Prometheus: s.prometheus,
		Nodes:      s.options.Nodes,
	}
	s.mu.Lock()
	state.Tenants = s.tenants
	for _, r := range s.processes {
		state.Components = append(state.Components, ComponentState{
			Name: r.Name(), Version: components.Version(r.component), Process: process.IdentityOf(r.PID()), Port: r.port, Log: s.files.log(r.Name()),
		})
	}
	s.mu.Unlock()
	content, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the state: %w", err)
	}
	temporary := s.files.state() + ".new"
	if err := os.WriteFile(temporary, append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	if err := os.Rename(temporary, s.files.state()); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	return nil
}

func readState(files layout) (State, error) {
	content, err := os.ReadFile(files.state())
	if err != nil {
		return State{}, fmt.Errorf("reading the state: %w", err)
	}
	var state State
	if err := json.Unmarshal(content, &state); err != nil {
		return State{}, fmt.Errorf("reading the state %s: %w", files.state(), err)
	}
	return state, nil
}
