package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/components"
	"github.com/metapilot/metapilot/test/sandbox/process"
)

// upFlags are what `up` lets choose.
type upFlags struct {
	nodes       int
	nodeCPU     string
	nodeMemory  string
	nodePods    int
	controllers bool
	metrics     bool
	prometheus  bool
	scrape      time.Duration
	resizeDelay time.Duration
	backOff     time.Duration
	realTenants int
	detach      bool
}

func newUp(a *app) *cobra.Command {
	f := &upFlags{}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a sandbox and hold it until Ctrl-C",
		Long: `Starts a sandbox and holds it until Ctrl-C, which ends all its processes. With --detach it goes on in the background
until 'sandbox down'. What is not built yet is built first: about fifteen minutes on two cores, once per machine.`,
		Example: `  sandbox up
  sandbox up --detach --nodes 10 --name big
  sandbox up --prometheus --scrape-interval 2s               # its address is shown by 'sandbox status'
  sandbox up --prometheus --real-tenants 1                   # a tenant whose API server can be stormed: sandbox storm real-0001
  sandbox up --nodes 0 --metrics=false --controllers=false   # API server and etcd only`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options, err := f.options(a, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if f.detach {
				return detach(cmd, a, f, options)
			}
			return hold(cmd.Context(), options)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.nodes, "nodes", 3, "simulated nodes; 0 for none")
	flags.StringVar(&f.nodeCPU, "node-cpu", "64", "allocatable CPU of a node")
	flags.StringVar(&f.nodeMemory, "node-memory", "256Gi", "allocatable memory of a node")
	flags.IntVar(&f.nodePods, "node-pods", 500, "pods a node takes")
	flags.BoolVar(&f.controllers, "controllers", true, "run kube-controller-manager and kube-scheduler")
	flags.BoolVar(&f.metrics, "metrics", true, "run metrics-server (needs nodes)")
	flags.BoolVar(&f.prometheus, "prometheus", false, "run Prometheus, which scrapes what containers use under cAdvisor's names; built when first asked for (minutes)")
	flags.DurationVar(&f.scrape, "scrape-interval", 5*time.Second, "how often Prometheus scrapes")
	flags.DurationVar(&f.resizeDelay, "resize-delay", 300*time.Millisecond, "time from an admitted resize to its actuation")
	flags.DurationVar(&f.backOff, "back-off", 10*time.Second, "first back-off of a container that fails again, doubling to 30 times of it")
	flags.IntVar(&f.realTenants, "real-tenants", 0, "tenants with a real kube-apiserver and etcd (about 300 MB each), real-0001 and so on")
	flags.BoolVar(&f.detach, "detach", false, "go on in the background")
	return cmd
}

func (f *upFlags) options(a *app, progress io.Writer) (sandbox.Options, error) {
	dir, err := a.stateDir()
	if err != nil {
		return sandbox.Options{}, err
	}
	cpu, err := resource.ParseQuantity(f.nodeCPU)
	if err != nil {
		return sandbox.Options{}, fmt.Errorf("--node-cpu %q: %w", f.nodeCPU, err)
	}
	memory, err := resource.ParseQuantity(f.nodeMemory)
	if err != nil {
		return sandbox.Options{}, fmt.Errorf("--node-memory %q: %w", f.nodeMemory, err)
	}
	return sandbox.Options{
		Dir: dir, Controllers: f.controllers, Nodes: f.nodes, Metrics: f.metrics && f.nodes > 0,
		Prometheus: f.prometheus, ScrapeInterval: f.scrape,
		NodeSize:    sandbox.NodeSize{CPU: cpu, Memory: memory, Pods: f.nodePods},
		ResizeDelay: f.resizeDelay, RestartBackOff: f.backOff, RealTenants: f.realTenants, Progress: progress,
	}, nil
}

// hold runs a sandbox in this process until it is interrupted or a component dies.
func hold(ctx context.Context, options sandbox.Options) error {
	if err := os.Setenv(sandbox.StandaloneVariable, "1"); err != nil {
		return fmt.Errorf("starting the sandbox: %w", err)
	}
	s, err := sandbox.Start(ctx, options)
	if err != nil {
		return err
	}
	err = s.Wait(ctx)
	if errors.Is(err, context.Canceled) {
		_, _ = fmt.Fprintln(options.Progress, "stopping")
		err = nil
	}
	return errors.Join(err, s.Stop())
}

// detach starts `up` again in the background, in a session of its own, and waits until it is ready.
func detach(cmd *cobra.Command, a *app, f *upFlags, options sandbox.Options) error {
	if _, err := sandbox.Attach(options.Dir, nil); err == nil {
		return fmt.Errorf("a sandbox runs in %s already; see `%[2]s status%[3]s`, or stop it with `%[2]s down%[3]s`", options.Dir, calledAs(), a.flags())
	}
	// Build here, where progress is seen.
	builder := &components.Builder{Progress: options.Progress}
	names := components.Default()
	if f.prometheus {
		names = append(names, components.Prometheus)
	}
	if _, err := builder.Build(cmd.Context(), names...); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	if err := os.MkdirAll(options.Dir, 0o700); err != nil {
		return fmt.Errorf("making the state folder: %w", err)
	}
	logFile := sandbox.SupervisorLog(options.Dir)
	log, err := os.Create(logFile)
	if err != nil {
		return fmt.Errorf("making the supervisor's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	child := exec.Command(self, "up", "--dir", options.Dir,
		"--nodes", strconv.Itoa(f.nodes), "--node-cpu", f.nodeCPU, "--node-memory", f.nodeMemory, "--node-pods", strconv.Itoa(f.nodePods),
		"--controllers="+strconv.FormatBool(f.controllers), "--metrics="+strconv.FormatBool(f.metrics),
		"--prometheus="+strconv.FormatBool(f.prometheus), "--scrape-interval", f.scrape.String(),
		"--resize-delay", f.resizeDelay.String(), "--back-off", f.backOff.String(),
		"--real-tenants", strconv.Itoa(f.realTenants))
	child.Stdout, child.Stderr = log, log
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return fmt.Errorf("starting the supervisor: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = child.Wait() // its log says more than its exit code
		close(exited)
	}()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s, err := sandbox.Attach(options.Dir, nil)
			if err != nil {
				continue // not yet
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The sandbox is ready.\n\n  export KUBECONFIG=%[1]s\n  %[2]s tenant add 10 --wait%[3]s\n  %[2]s down%[3]s\n", s.KubeconfigPath(), calledAs(), a.flags())
			return err
		case <-exited:
			return fmt.Errorf("the sandbox did not start:\n%s", process.LogTail(logFile))
		case <-cmd.Context().Done():
			_ = child.Process.Signal(os.Interrupt) // it stops what it has started
			<-exited
			return context.Cause(cmd.Context())
		}
	}
}
