package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/metapilot/metapilot/test/sandbox/components"
	"github.com/metapilot/metapilot/test/sandbox/process"
)

const (
	// stopGrace is how long a component may take to end by itself. The data is thrown away, so not long.
	stopGrace = 5 * time.Second

	// The sandbox's own clients are never the bottleneck.
	clientQPS, clientBurst = 2000, 4000
)

// Sandbox is a running MetaCluster. Its methods may be called from several goroutines.
type Sandbox struct {
	files     layout
	config    *rest.Config
	client    kubernetes.Interface
	options   Options
	temporary bool // remove the folder at the end
	attached  *State

	programs map[string]string // paths, by component
	started  time.Time

	prometheus string // its URL, "" where none runs

	mu        sync.Mutex
	processes []*running // in starting order
	failed    chan struct{}
	failure   error
	stopped   bool
	tenants   []RealTenant // in the order in which they were made
	adding    sync.Mutex   // of whoever writes files about a tenant that was added

	kubelet *kubeletLoop
}

// running is a component's process and the port it serves on.
type running struct {
	*process.Process
	component string
	port      int
}

// Start builds what is not built yet, starts the sandbox and waits until every part of it is ready. Its processes end with
// Stop, and with this process however it ends (Linux). ctx is about starting only.
//
// Errors: a component cannot be built, or dies or is not ready in time: the error holds the end of its log. Nothing is left
// running then; a given state folder stays for a look at the logs.
func Start(ctx context.Context, options Options) (*Sandbox, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	builder := &components.Builder{Progress: options.Progress}
	programs, err := builder.Build(ctx, needed(options)...)
	if err != nil {
		return nil, err
	}
	s, err := newSandbox(options)
	if err != nil {
		return nil, err
	}
	s.programs = programs
	if err := s.start(ctx, programs); err != nil {
		err = fmt.Errorf("starting the sandbox: %w", err)
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// needed are the components the options ask for.
func needed(o Options) []string {
	names := []string{components.Etcd, components.APIServer}
	if o.Controllers {
		names = append(names, components.ControllerManager, components.Scheduler)
	}
	if o.Nodes > 0 {
		names = append(names, components.Kwok)
	}
	if o.Metrics {
		names = append(names, components.MetricsServer)
	}
	if o.Prometheus {
		names = append(names, components.Prometheus)
	}
	return names
}

func newSandbox(options Options) (*Sandbox, error) {
	s := &Sandbox{options: options, failed: make(chan struct{})}
	dir := options.Dir
	if dir == "" {
		temporary, err := os.MkdirTemp("", "metapilot-sandbox-")
		if err != nil {
			return nil, fmt.Errorf("making a state folder: %w", err)
		}
		dir, s.temporary = temporary, true
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the state folder: %w", err)
	}
	if state, err := readState(layout(dir)); err == nil && state.Supervisor.Alive() {
		return nil, fmt.Errorf("a sandbox runs in %s already (process %d): stop it, or take another folder", dir, state.Supervisor.PID)
	}
	s.files = layout(dir)
	return s, s.files.create()
}

// start brings the parts up: the control plane first, then everything that needs it, at once.
func (s *Sandbox) start(ctx context.Context, programs map[string]string) error {
	started := time.Now()
	s.started = started
	creds, err := newCredentials(s.files, started)
	if err != nil {
		return err
	}
	plane := controlPlane{files: s.files, creds: creds, args: s.options.APIServerArgs}
	if !s.options.Controllers {
		plane.args = append([]string{withoutServiceAccounts}, plane.args...)
	}
	if _, _, err := s.startControlPlane(ctx, plane); err != nil {
		return err
	}
	s.say("kube-apiserver is ready after %s", time.Since(started).Round(10*time.Millisecond))
	if err := s.connect(); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	if s.options.Controllers {
		group.Go(func() error { return s.startControllerManager(groupCtx, programs, creds) })
		group.Go(func() error { return s.startScheduler(groupCtx, programs, creds) })
	}
	if s.options.Nodes > 0 {
		group.Go(func() error { return s.startNodes(groupCtx, programs, creds) })
	}
	if s.options.Metrics {
		group.Go(func() error { return s.startMetricsServer(groupCtx, programs, creds) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if s.options.Nodes > 0 {
		if err := s.startKubelet(ctx); err != nil {
			return err
		}
	}
	if err := s.startRealTenants(ctx); err != nil {
		return err
	}
	if s.options.Prometheus {
		if err := s.startPrometheus(ctx, programs, creds); err != nil {
			return err
		}
	}
	if err := s.writeState(); err != nil {
		return err
	}
	s.say("the sandbox is ready after %s; kubeconfig: %s", time.Since(started).Round(10*time.Millisecond), s.KubeconfigPath())
	return nil
}

// connect makes the clients of the sandbox from its kubeconfig.
func (s *Sandbox) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", s.files.kubeconfig())
	if err != nil {
		return fmt.Errorf("reading the sandbox's kubeconfig: %w", err)
	}
	config.QPS, config.Burst = clientQPS, clientBurst
	config.UserAgent = "metapilot-sandbox"
	own := rest.CopyConfig(config)
	own.ContentType, own.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON
	client, err := kubernetes.NewForConfig(own)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	s.config, s.client = config, client
	return nil
}

// RESTConfig returns a copy of the administrator's client configuration, with a rate limit that is not felt.
func (s *Sandbox) RESTConfig() *rest.Config { return rest.CopyConfig(s.config) }

// KubeconfigPath is the administrator's kubeconfig file.
func (s *Sandbox) KubeconfigPath() string { return s.files.kubeconfig() }

// PrometheusURL is where Prometheus serves its API, "" where none runs. It may be asked by anybody on this machine.
func (s *Sandbox) PrometheusURL() string { return s.prometheus }

// Dir is the state folder.
func (s *Sandbox) Dir() string { return string(s.files) }

// Wait returns when a component dies (with the error that says why), the sandbox is stopped (nil) or ctx is done (its
// cause). On an attached sandbox it only waits for ctx.
func (s *Sandbox) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.failed:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.failure
	}
}

// Stop ends every part, in the reverse order of starting, and returns when no process is left. Stopping again does
// nothing. On an attached sandbox it ends the `sandbox up` that holds it; one that a test holds ends with that test.
func (s *Sandbox) Stop() error {
	if s.attached != nil {
		return s.attached.stop()
	}
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return nil
	}
	s.stopped = true
	processes := s.processes
	s.mu.Unlock()

	if s.kubelet != nil {
		s.kubelet.stop()
	}
	var errs []error
	for _, wave := range stopOrder(processes) {
		group := errgroup.Group{}
		for _, p := range wave {
			group.Go(func() error { return p.Stop(stopGrace) })
		}
		errs = append(errs, group.Wait())
	}
	s.fail(nil)
	if s.temporary {
		errs = append(errs, os.RemoveAll(string(s.files)))
	} else if err := os.Remove(s.files.state()); err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// stopOrder ends the clients of the API servers together, then the API servers, then etcd.
func stopOrder(processes []*running) [][]*running {
	var clients, apiserver, etcd []*running
	for _, p := range processes {
		switch p.component {
		case components.Etcd:
			etcd = append(etcd, p)
		case components.APIServer:
			apiserver = append(apiserver, p)
		default:
			clients = append(clients, p)
		}
	}
	return [][]*running{clients, apiserver, etcd}
}

// run starts a component and watches over it from then on.
func (s *Sandbox) run(name string, port int, program string, args ...string) (*running, error) {
	p, err := process.Start(process.Spec{Name: name, Path: program, Args: args, Log: s.files.log(name)})
	if err != nil {
		return nil, err
	}
	return &running{Process: p, component: name, port: port}, nil
}

// runOf starts a component of a control plane.
func (s *Sandbox) runOf(c controlPlane, component string, port int, args ...string) (*running, error) {
	r, err := s.run(c.name(component), port, s.programs[component], args...)
	if err != nil {
		return nil, err
	}
	r.component = component
	return r, nil
}

// keep takes a component that is ready into the sandbox: its death fails the sandbox from now on.
func (s *Sandbox) keep(r *running) {
	s.mu.Lock()
	s.processes = append(s.processes, r)
	s.mu.Unlock()
	go func() { // ends with the process, which Stop ends
		<-r.Exited()
		if err := r.Err(); err != nil {
			s.fail(err)
		}
	}()
}

// fail ends Wait, once.
func (s *Sandbox) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.failed:
	default:
		s.failure = err
		close(s.failed)
	}
}

func (s *Sandbox) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.options.Progress, format+"\n", args...)
}

// stop ends the supervisor of a sandbox of another process and waits until it is gone.
func (s *State) stop() error {
	if !s.Standalone {
		return fmt.Errorf("this sandbox belongs to process %d (a test or a demo) and ends with it", s.Supervisor.PID)
	}
	if !s.Supervisor.Alive() {
		return nil
	}
	if err := s.Supervisor.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping the sandbox: %w", err)
	}
	deadline := time.NewTimer(6 * stopGrace)
	defer deadline.Stop()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for s.Supervisor.Alive() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			return fmt.Errorf("the sandbox's supervisor (process %d) does not end; its log is %s", s.Supervisor.PID, SupervisorLog(s.Dir))
		}
	}
	return nil
}
