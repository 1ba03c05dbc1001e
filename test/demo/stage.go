package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/observe"
	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

type options struct {
	tenants int
	manager string
	keep    bool
	timeout time.Duration
}

const (
	scalerName = "control-plane"
	maxMemory  = "8Gi"
	// watchSeconds is short, so that the demo can show how a record ends.
	watchSeconds = 10
)

// stage is where the scenes are played.
type stage struct {
	*narrator
	sandbox  *sandbox.Sandbox
	client   client.Client
	observer *observe.Observer
	manager  *installation.Process
	tenants  []string
	hit      string // the tenant of the storm
	dry      string // the tenant in dry run
}

func run(ctx context.Context, o options, n *narrator) (err error) {
	if o.tenants < 3 {
		return fmt.Errorf("--tenants is %d: the demo needs at least 3", o.tenants)
	}
	n.title("A MetaCluster in a box")
	n.say("real etcd, kube-apiserver, kube-controller-manager, kube-scheduler and metrics-server; simulated nodes and kubelets")
	box, err := sandbox.Start(ctx, sandbox.Options{Controllers: true, Nodes: 3, Metrics: true, Progress: os.Stderr})
	if err != nil {
		return fmt.Errorf("starting the sandbox: %w", err)
	}
	defer func() {
		if stopErr := box.Stop(); err == nil && stopErr != nil {
			err = fmt.Errorf("stopping the sandbox: %w", stopErr)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	s, err := newStage(ctx, o, n, box)
	if err != nil {
		return err
	}
	defer s.observer.Stop()
	if err := s.startManager(ctx, o.manager); err != nil {
		return err
	}
	defer func() {
		if stopErr := s.manager.Stop(); err == nil && stopErr != nil {
			err = stopErr
		}
	}()
	for _, scene := range scenes() {
		if err := scene(ctx, s); err != nil {
			return err
		}
	}
	if o.keep {
		s.wait(ctx)
	}
	return n.end()
}

func newStage(ctx context.Context, o options, n *narrator, box *sandbox.Sandbox) (*stage, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("making a scheme: %w", err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("making a scheme: %w", err)
	}
	c, err := client.New(box.RESTConfig(), client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	if err := installation.Definitions(ctx, c); err != nil {
		return nil, fmt.Errorf("installing the definitions: %w", err)
	}
	began := time.Now()
	tenants, err := box.AddTenants(ctx, sandbox.TenantOptions{Count: o.tenants})
	if err != nil {
		return nil, fmt.Errorf("adding tenants: %w", err)
	}
	if err := box.WaitTenantsReady(ctx, tenants...); err != nil {
		return nil, fmt.Errorf("waiting for the tenants: %w", err)
	}
	n.say("%d tenants are up after %s: a namespace each, with kube-apiserver ×2, kube-controller-manager, kube-scheduler and etcd ×3", len(tenants), time.Since(began).Round(time.Second/10))
	observer, err := observe.Start(ctx, box.RESTConfig())
	if err != nil {
		return nil, fmt.Errorf("watching from outside: %w", err)
	}
	return &stage{narrator: n, sandbox: box, client: c, observer: observer, tenants: tenants, hit: tenants[len(tenants)/3], dry: tenants[len(tenants)-1]}, nil
}

func (s *stage) startManager(ctx context.Context, program string) error {
	s.title("Metapilot, with one ClusterScaler for each tenant")
	as, err := installation.Manager(ctx, s.sandbox.RESTConfig(), s.client)
	if err != nil {
		return fmt.Errorf("installing the manager's permissions: %w", err)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, name := range s.tenants {
		group.Go(func() error { return s.client.Create(groupCtx, s.scaler(name)) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("making ClusterScalers: %w", err)
	}
	s.manager, err = installation.StartManager(ctx, program, s.sandbox.Dir(), as, installation.Settings{LeaderElection: true})
	if err != nil {
		return err
	}
	s.say("the manager runs with the permissions of config/rbac and no others; %s is in dry run, all others are in Auto", s.dry)
	return s.waitReconciled(ctx)
}

// scaler is a tenant's ClusterScaler, as a platform team would write it.
func (s *stage) scaler(namespace string) *v1alpha1.ClusterScaler {
	mode := v1alpha1.ModeAuto
	if namespace == s.dry {
		mode = v1alpha1.ModeDryRun
	}
	scaler := &v1alpha1.ClusterScaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: scalerName},
		Spec:       v1alpha1.ClusterScalerSpec{Mode: mode},
	}
	for _, name := range []string{tenant.APIServer, tenant.ControllerManager, tenant.Scheduler, tenant.Etcd} {
		kind := v1alpha1.TargetDeployment
		if name == tenant.Etcd {
			kind = v1alpha1.TargetStatefulSet
		}
		scaler.Spec.Components = append(scaler.Spec.Components, v1alpha1.Component{
			Name:      name,
			Target:    v1alpha1.Target{Kind: kind, Name: name, Container: name},
			Bounds:    &v1alpha1.Bounds{Max: &v1alpha1.BoundAmounts{Memory: new(resource.MustParse(maxMemory))}},
			Actuation: &v1alpha1.Actuation{Type: v1alpha1.ActuationInPlace, InPlace: &v1alpha1.InPlaceActuation{WatchSeconds: new(int32(watchSeconds))}},
		})
	}
	return scaler
}

// wait leaves everything running until it is interrupted.
func (s *stage) wait(ctx context.Context) {
	s.title("Yours to play with")
	s.say("export KUBECONFIG=%s", s.sandbox.KubeconfigPath())
	s.say("kubectl get clusterscalers,scalingrecords -A")
	s.say("go run ./cmd/sandbox --dir %s oom %s/%s --all", s.sandbox.Dir(), s.tenants[1], tenant.APIServer)
	s.say("the manager's log: %s", s.manager.LogFile)
	s.say("Ctrl-C ends it")
	<-ctx.Done()
}

// pods gives the pods of a tenant's component.
func (s *stage) pods(namespace, component string) []observe.Pod {
	return s.observer.Pods(of(namespace, component))
}

func of(namespace, component string) func(observe.Pod) bool {
	return func(p observe.Pod) bool {
		return !p.Terminating && observe.Of(namespace, tenant.ComponentLabel, component)(p)
	}
}

func mebibytes(b int64) string {
	return fmt.Sprintf("%d Mi", b>>20)
}
