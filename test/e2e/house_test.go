package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/observe"
	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

const (
	scalerName = "control-plane"
	// rush is how many requests at once are given where many are to be given.
	rush = 16
)

// house is a sandbox with Metapilot installed in it, and an observer that watches from outside.
type house struct {
	box      *sandbox.Sandbox
	client   client.Client
	observer *observe.Observer
	// manager leads to the API server with what the manager may do.
	manager  *rest.Config
	managers []*installation.Process
}

// newHouse starts one that ends with the container of the spec.
func newHouse(ctx context.Context, o sandbox.Options) *house {
	GinkgoHelper()
	o.Progress = os.Stderr
	box, err := sandbox.Start(ctx, o)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(box.Stop()).To(Succeed()) })
	scheme := runtime.NewScheme()
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	h := &house{box: box}
	DeferCleanup(h.stop)
	h.client, err = client.New(box.RESTConfig(), client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	Expect(installation.Definitions(ctx, h.client)).To(Succeed())
	h.manager, err = installation.Manager(ctx, box.RESTConfig(), h.client)
	Expect(err).NotTo(HaveOccurred())
	h.observer, err = observe.Start(context.Background(), box.RESTConfig())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(h.observer.Stop)
	return h
}

// stop ends the managers that are still alive. It is called when the container ends: a spec may start one that the next needs.
func (h *house) stop() {
	for _, p := range h.managers {
		select {
		case <-p.Ended():
		default:
			Expect(p.Stop()).To(Succeed())
		}
	}
}

// start runs a manager, and waits until it is ready.
func (h *house) start(ctx context.Context, as *rest.Config, settings installation.Settings) *installation.Process {
	GinkgoHelper()
	dir := filepath.Join(h.box.Dir(), fmt.Sprintf("manager-%d", len(h.managers)+1))
	Expect(os.Mkdir(dir, 0o700)).To(Succeed())
	p, err := installation.StartManager(ctx, program, dir, as, settings)
	Expect(err).NotTo(HaveOccurred())
	h.managers = append(h.managers, p)
	return p
}

// tenants makes tenants, all alike, with every pod ready.
func (h *house) tenants(ctx context.Context, prefix string, count int) []string {
	GinkgoHelper()
	names, err := h.box.AddTenants(ctx, sandbox.TenantOptions{Count: count, NamePrefix: prefix})
	Expect(err).NotTo(HaveOccurred())
	return names
}

// scalers makes a ClusterScaler in each of the tenants.
func (h *house) scalers(ctx context.Context, mode v1alpha1.Mode, watch time.Duration, tenants ...string) {
	GinkgoHelper()
	Expect(each(ctx, tenants, func(ctx context.Context, name string) error {
		return h.client.Create(ctx, scaler(name, mode, watch))
	})).To(Succeed())
}

// ready waits until every ClusterScaler of the tenants is Ready.
func (h *house) ready(ctx context.Context, tenants ...string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var list v1alpha1.ClusterScalerList
		g.Expect(h.client.List(ctx, &list)).To(Succeed())
		ready := map[string]bool{}
		for _, c := range list.Items {
			ready[c.Namespace] = meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionReady)
		}
		var missing []string
		for _, name := range tenants {
			if !ready[name] {
				missing = append(missing, name)
			}
		}
		g.Expect(missing).To(BeEmpty(), "tenants whose ClusterScaler is not Ready")
	}).WithContext(ctx).WithPolling(500 * time.Millisecond).Should(Succeed())
}

// pods gives the pods of a tenant's component.
func (h *house) pods(namespace, component string) []observe.Pod {
	return h.observer.Pods(observe.Of(namespace, tenant.ComponentLabel, component))
}

// everyPod gives all pods there are.
func (h *house) everyPod() []observe.Pod {
	return h.observer.Pods(func(observe.Pod) bool { return true })
}

// kill has the kubelet report the main container of a component's i-th pod OOM-killed.
func (h *house) kill(ctx context.Context, namespace, component string, i int) (*killing, error) {
	k := &killing{component: component, before: h.pods(namespace, component)}
	if len(k.before) == 0 {
		return nil, fmt.Errorf("%s has no pods of %s", namespace, component)
	}
	var err error
	k.OOMResult, err = h.box.OOM(ctx, namespace, k.before[i%len(k.before)].Name, sandbox.OOMOptions{Container: component})
	return k, err
}

// each does something with every name, several at once.
func each(ctx context.Context, names []string, do func(ctx context.Context, name string) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(rush)
	for _, name := range names {
		group.Go(func() error { return do(ctx, name) })
	}
	return group.Wait()
}

func components() []string {
	return []string{tenant.APIServer, tenant.ControllerManager, tenant.Scheduler, tenant.Etcd}
}

func kindOf(component string) v1alpha1.TargetKind {
	if component == tenant.Etcd {
		return v1alpha1.TargetStatefulSet
	}
	return v1alpha1.TargetDeployment
}

// scaler is a ClusterScaler as a platform team would write it. watch is how long a change is watched before its record ends.
func scaler(namespace string, mode v1alpha1.Mode, watch time.Duration) *v1alpha1.ClusterScaler {
	s := &v1alpha1.ClusterScaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: scalerName},
		Spec:       v1alpha1.ClusterScalerSpec{Mode: mode},
	}
	for _, name := range components() {
		s.Spec.Components = append(s.Spec.Components, v1alpha1.Component{
			Name:      name,
			Target:    v1alpha1.Target{Kind: kindOf(name), Name: name, Container: name},
			Bounds:    &v1alpha1.Bounds{Max: &v1alpha1.BoundAmounts{Memory: new(resource.MustParse("8Gi"))}},
			Actuation: &v1alpha1.Actuation{Type: v1alpha1.ActuationInPlace, InPlace: &v1alpha1.InPlaceActuation{WatchSeconds: new(int32(watch / time.Second))}},
		})
	}
	return s
}
