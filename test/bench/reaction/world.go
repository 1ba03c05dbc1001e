package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/observe"
	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/components"
	"github.com/metapilot/metapilot/test/sandbox/kubelet"
	"github.com/metapilot/metapilot/test/sandbox/load"
	"github.com/metapilot/metapilot/test/sandbox/process"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

const (
	// component is what is killed: the tenants' API server, with two replicas.
	component = tenant.APIServer
	replicas  = 2

	// What every API server uses, of its 250m and 512 Mi. For a moment between two looks of metrics-server it needs more
	// than it has, and is killed.
	usedMilliCPU, usedMemory = 200, 380 << 20

	podsPerTenant, podsPerNode = 7, 300

	readyPace     = 200 * time.Millisecond
	readyPatience = 4 * time.Minute
	stopGrace     = 5 * time.Second
)

// world is the sandbox with everything that runs in it.
type world struct {
	*narrator
	options  options
	dir      string
	ownsDir  bool
	programs map[string]string
	box      *sandbox.Sandbox
	client   client.Client
	observer *observe.Observer
	tenants  map[string][]string // by setup
	manager  *installation.Process
	vpa      []*process.Process
	revision string
}

// newWorld starts the sandbox and fills it with tenants. What it has started when it fails, it has stopped.
func newWorld(ctx context.Context, o options, n *narrator) (w *world, err error) {
	w = &world{narrator: n, options: o, tenants: map[string][]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.stop())
		}
	}()
	if err := w.makeDir(); err != nil {
		return nil, err
	}
	n.title("The programs")
	builder := &components.Builder{Progress: os.Stderr}
	if w.programs, err = builder.Build(ctx, components.VPA()...); err != nil {
		return nil, err
	}
	w.revision = revisionOf(o.manager)
	n.say("%s %s; VPA %s", o.manager, w.revision, components.Version(components.VPARecommender))
	n.title("The MetaCluster")
	auditArgs, err := writeAuditPolicy(w.dir)
	if err != nil {
		return nil, err
	}
	pods := len(setups()) * o.tenants * podsPerTenant
	w.box, err = sandbox.Start(ctx, sandbox.Options{
		Dir: filepath.Join(w.dir, "sandbox"), Controllers: true, Nodes: max(3, (pods+podsPerNode-1)/podsPerNode), Metrics: true, APIServerArgs: auditArgs, Progress: os.Stderr,
	})
	if err != nil {
		return nil, err
	}
	if err := w.connect(); err != nil {
		return nil, err
	}
	if err := w.addTenants(ctx); err != nil {
		return nil, err
	}
	if err := w.waitMeasured(ctx); err != nil {
		return nil, err
	}
	if w.observer, err = observe.Start(ctx, w.box.RESTConfig()); err != nil {
		return nil, fmt.Errorf("watching from outside: %w", err)
	}
	return w, nil
}

func (w *world) makeDir() (err error) {
	if w.options.keep == "" {
		w.ownsDir = true
		w.dir, err = os.MkdirTemp("", "metapilot-reaction-")
	} else if w.dir, err = filepath.Abs(w.options.keep); err == nil {
		err = os.MkdirAll(w.dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("making a folder for logs: %w", err)
	}
	return nil
}

func (w *world) connect() error {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return fmt.Errorf("making a scheme: %w", err)
	}
	c, err := client.New(w.box.RESTConfig(), client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	w.client = c
	return nil
}

// addTenants makes the tenants of every setup and gives their API servers something to do.
func (w *world) addTenants(ctx context.Context) error {
	began := time.Now()
	var all []string
	for _, s := range setups() {
		names, err := w.box.AddTenants(ctx, sandbox.TenantOptions{Count: w.options.tenants, NamePrefix: s.name + "-"})
		if err != nil {
			return fmt.Errorf("adding tenants: %w", err)
		}
		w.tenants[s.name] = names
		all = append(all, names...)
	}
	if err := w.box.WaitTenantsReady(ctx, all...); err != nil {
		return fmt.Errorf("waiting for the tenants: %w", err)
	}
	used := load.Usage{MilliCPU: usedMilliCPU, MemoryBytes: usedMemory}
	if err := w.box.SetLoad(ctx, kubelet.Target{Workload: component}, load.Load{Shape: load.Constant, To: used}); err != nil {
		return err
	}
	w.say("%d tenants are up after %s, %d for each of %d setups", len(all), time.Since(began).Round(time.Second/10), w.options.tenants, len(setups()))
	return nil
}

// waitMeasured waits until metrics-server shows what the API servers use, so that no scaler judges by their idle start.
func (w *world) waitMeasured(ctx context.Context) error {
	want := len(setups()) * w.options.tenants * replicas
	measured := 0
	err := wait.PollUntilContextTimeout(ctx, time.Second, readyPatience, true, func(ctx context.Context) (bool, error) {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(schema.GroupVersionKind{Group: "metrics.k8s.io", Version: "v1beta1", Kind: "PodMetricsList"})
		if err := w.client.List(ctx, list, client.MatchingLabels{tenant.ComponentLabel: component}); err != nil {
			return false, fmt.Errorf("reading the metrics API: %w", err)
		}
		measured = 0
		for i := range list.Items {
			if usesMuch(list.Items[i].Object) {
				measured++
			}
		}
		return measured >= want, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for metrics-server to see the load of all %d pods; it sees that of %d: %w", want, measured, err)
	}
	w.say("metrics-server shows %d Mi and %dm for each of the %d pods of %s", usedMemory>>20, usedMilliCPU, want, component)
	return nil
}

// usesMuch tells whether PodMetrics show at least nine tenths of what the API servers use.
func usesMuch(podMetrics map[string]any) bool {
	containers, _, err := unstructured.NestedSlice(podMetrics, "containers")
	if err != nil || len(containers) == 0 {
		return false
	}
	first, ok := containers[0].(map[string]any)
	if !ok {
		return false
	}
	for name, want := range map[string]int64{"cpu": usedMilliCPU, "memory": usedMemory * 1000} { // in thousandths
		text, _, _ := unstructured.NestedString(first, "usage", name)
		usage, err := resource.ParseQuantity(text)
		if err != nil || usage.MilliValue() < want*9/10 {
			return false
		}
	}
	return true
}

// startScalers installs and starts Metapilot and VPA, and returns when both would act on a kill.
func (w *world) startScalers(ctx context.Context) error {
	w.title("The scalers")
	for _, s := range setups() {
		w.say("%-24s %s", s.title, s.explain)
	}
	if err := w.startMetapilot(ctx); err != nil {
		return fmt.Errorf("starting Metapilot: %w", err)
	}
	if err := w.waitUntil(ctx, "every ClusterScaler is Ready", w.metapilotReady); err != nil {
		return err
	}
	if err := w.startVPA(ctx); err != nil {
		return fmt.Errorf("starting VPA: %w", err)
	}
	return nil
}

// waitUntil waits until nothing is missing any more.
func (w *world) waitUntil(ctx context.Context, what string, missing func(context.Context) (string, error)) error {
	var still string
	err := wait.PollUntilContextTimeout(ctx, readyPace, readyPatience, true, func(ctx context.Context) (bool, error) {
		if err := w.alive(); err != nil {
			return false, err
		}
		var err error
		still, err = missing(ctx)
		return still == "" && err == nil, err
	})
	if err != nil {
		return fmt.Errorf("waiting until %s: %w; %s", what, err, still)
	}
	w.say("%s", what)
	return nil
}

// alive gives an error when a scaler's process has died.
func (w *world) alive() error {
	for _, p := range w.vpa {
		if err := p.Err(); err != nil {
			return err
		}
	}
	if w.manager == nil {
		return nil
	}
	select {
	case <-w.manager.Ended():
		return fmt.Errorf("the manager died; its log ends:\n%s", process.LogTail(w.manager.LogFile))
	default:
		return nil
	}
}

// stop ends everything.
func (w *world) stop() error {
	var errs []error
	if w.observer != nil {
		w.observer.Stop()
	}
	for _, p := range w.vpa {
		errs = append(errs, p.Stop(stopGrace))
	}
	if w.manager != nil {
		errs = append(errs, w.manager.Stop())
	}
	if w.box != nil {
		errs = append(errs, w.box.Stop())
	}
	if w.ownsDir {
		errs = append(errs, os.RemoveAll(w.dir))
	}
	return errors.Join(errs...)
}

// others are the tenants of all setups but those that are meant, as VPA's flags take them.
func (w *world) others(mine func(setup) bool) string {
	var names []string
	for _, s := range setups() {
		if !mine(s) {
			names = append(names, w.tenants[s.name]...)
		}
	}
	return strings.Join(names, ",")
}
