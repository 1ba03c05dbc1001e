package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metricsclient "k8s.io/metrics/pkg/client/clientset/versioned"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/observe"
	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/load"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

// profilesOften measures as often as can be, and keeps what was measured as seldom.
const profilesOften = "profiles:\n  intervalSeconds: 1\n  timeoutSeconds: 1\n  checkpointSeconds: 86400\n  writesPerSecond: 1000\n"

// busy is what a tenant's components use, quiet what they use later: the profile must not forget the former.
var (
	busy = map[string]load.Usage{
		tenant.APIServer: {MilliCPU: 300, MemoryBytes: 400 << 20}, tenant.ControllerManager: {MilliCPU: 60, MemoryBytes: 100 << 20},
		tenant.Scheduler: {MilliCPU: 20, MemoryBytes: 60 << 20}, tenant.Etcd: {MilliCPU: 120, MemoryBytes: 300 << 20},
	}
	quiet = load.Usage{MilliCPU: 5, MemoryBytes: 20 << 20}
)

// archive is a house with metrics-server, in which profiles are kept.
type archive struct {
	*house
	metrics metricsclient.Interface
}

var _ = Describe("Profiles", Ordered, func() {
	var a *archive
	var tenants []string

	BeforeAll(func(ctx SpecContext) {
		a = &archive{house: newHouse(ctx, sandbox.Options{Controllers: true, Nodes: 1, Metrics: true})}
		var err error
		a.metrics, err = metricsclient.NewForConfig(a.box.RESTConfig())
		Expect(err).NotTo(HaveOccurred())
		tenants = a.tenants(ctx, "profiled-", 2)
		Expect(a.box.WaitTenantsReady(ctx, tenants...)).To(Succeed())
		for _, name := range tenants {
			for workload, u := range busy {
				a.load(ctx, name, workload, u)
			}
		}
		for _, name := range tenants {
			a.measured(ctx, name, func(component string) load.Usage { return busy[component] })
		}
	})

	It("are made, filled, kept over kill -9, and removed long after their workload", func(ctx SpecContext) {
		everything := func() *installation.Process {
			return a.start(ctx, a.manager, installation.Settings{Extra: profilesOften})
		}
		a.scalers(ctx, v1alpha1.ModeDryRun, time.Second, tenants[0])
		a.livesOn(ctx, tenants[0], everything(), everything)
	})

	It("are so by a manager that does nothing else, beside one that does all else", func(ctx SpecContext) {
		a.stop()
		a.scalers(ctx, v1alpha1.ModeDryRun, time.Second, tenants[1])
		a.startOnly(ctx, "clusterscaler,records")
		a.ready(ctx, tenants[1])
		service := func() *installation.Process { return a.startOnly(ctx, "profile-*") }
		a.livesOn(ctx, tenants[1], service(), service)
	})

	It("were never forbidden anything and met no error, in any of their managers' lives", func() {
		a.loggedNoTrouble()
	})
})

// livesOn follows a tenant's profiles from when they are made to when one of them is removed.
func (a *archive) livesOn(ctx context.Context, namespace string, keeper *installation.Process, revive func() *installation.Process) {
	GinkgoHelper()
	before := map[string]v1alpha1.WorkloadProfile{}
	Eventually(func(g Gomega) {
		for _, component := range components() {
			p := a.profile(ctx, g, namespace, component)
			a.filled(g, &p, component)
			before[component] = p
		}
	}).WithContext(ctx).Should(Succeed())
	show("profiles of "+namespace, "%s", described(before))

	for component := range busy {
		a.load(ctx, namespace, component, quiet)
	}
	keeper.Kill()
	a.measured(ctx, namespace, func(string) load.Usage { return quiet }) // nobody can learn the busy time from metrics-server any more
	revive()
	for _, component := range components() {
		a.reveal(ctx, namespace, component)
		Eventually(func(g Gomega) {
			p, was := a.profile(ctx, g, namespace, component), before[component]
			g.Expect(p.Status.ObservedGeneration).To(Equal(p.Generation), "%s: what is known is not written anew", p.Name)
			g.Expect(p.UID).To(Equal(was.UID))
			a.filled(g, &p, component)
			c := p.Status.Containers[0]
			g.Expect(c.Algorithm).To(Equal(string(v1alpha1.AlgorithmPeak)))
			g.Expect(*c.Samples).To(BeNumerically(">=", saved(g, &was)), "samples of %s", p.Name)
			g.Expect(c.FirstSampleTime.Time).To(BeTemporally("==", was.Status.Containers[0].FirstSampleTime.Time))
		}).WithContext(ctx).Should(Succeed())
	}

	a.orphaned(ctx, namespace, tenant.Scheduler)
}

// orphaned removes a workload, and its profile goes when it has been without it for four weeks.
func (a *archive) orphaned(ctx context.Context, namespace, component string) {
	GinkgoHelper()
	w := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: component}}
	Expect(a.client.Delete(ctx, w, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(Succeed())
	var p v1alpha1.WorkloadProfile
	Eventually(func(g Gomega) {
		p = a.profile(ctx, g, namespace, component)
		c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionTargetFound)
		g.Expect(c).To(HaveField("Reason", "Gone"))
		g.Expect(p.Status.Containers).To(HaveLen(1), "what is known is kept")
	}).WithContext(ctx).Should(Succeed())

	long := p.DeepCopy() // four weeks cannot be waited for
	meta.FindStatusCondition(long.Status.Conditions, v1alpha1.ConditionTargetFound).LastTransitionTime = metav1.NewTime(time.Now().Add(-29 * 24 * time.Hour))
	Expect(a.client.Status().Patch(ctx, long, client.MergeFrom(&p))).To(Succeed())
	touched := long.DeepCopy() // a status wakes nobody; a label does
	touched.Labels["e2e"] = "looked-at"
	Expect(a.client.Patch(ctx, touched, client.MergeFrom(long))).To(Succeed())
	Eventually(func(g Gomega) {
		err := a.client.Get(ctx, client.ObjectKeyFromObject(&p), &v1alpha1.WorkloadProfile{})
		g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%s is still there (%v)", p.Name, err)
	}).WithContext(ctx).Should(Succeed())
}

// filled is a profile that knows the busy time.
func (a *archive) filled(g Gomega, p *v1alpha1.WorkloadProfile, component string) {
	for _, condition := range []string{v1alpha1.ConditionTargetFound, v1alpha1.ConditionSignalsFresh} {
		g.Expect(meta.IsStatusConditionTrue(p.Status.Conditions, condition)).To(BeTrue(), "%s: %s", p.Name, condition)
	}
	g.Expect(p.Labels).To(HaveKeyWithValue(v1alpha1.LabelComponent, component))
	g.Expect(p.Status.Containers).To(HaveLen(1), p.Name)
	c := p.Status.Containers[0]
	g.Expect(c.Name).To(Equal(component))
	for what, amounts := range map[string]*v1alpha1.ResourceAmounts{"lower": c.Lower, "target": c.Target, "upper": c.Upper, "peak": c.Peak} {
		g.Expect(amounts != nil && amounts.CPU != nil && amounts.Memory != nil).To(BeTrue(), "%s has no %s", p.Name, what)
		g.Expect(amounts.CPU.IsZero() || amounts.Memory.IsZero()).To(BeFalse(), "%s: %s is zero", p.Name, what)
	}
	// Memory is a gauge; CPU comes from two counters.
	g.Expect(c.Peak.Memory.Value()).To(Equal(busy[component].MemoryBytes), "the peak of %s", p.Name)
	g.Expect(float64(c.Peak.CPU.MilliValue())).To(BeNumerically("~", busy[component].MilliCPU, 0.1*float64(busy[component].MilliCPU)+1), "the peak of %s", p.Name)
	g.Expect(c.Target.Memory.Value()).To(BeNumerically(">=", busy[component].MemoryBytes))
	g.Expect(saved(g, p)).To(BeNumerically(">", 0))
}

// saved is how many samples a profile's checkpoint has.
func saved(g Gomega, p *v1alpha1.WorkloadProfile) int64 {
	g.Expect(p.Status.Checkpoint).NotTo(BeNil(), "%s has no checkpoint", p.Name)
	g.Expect(p.Status.Checkpoint.Containers).To(HaveLen(1))
	header, err := profiles.ReadHeader(p.Status.Checkpoint.Containers[0].Data)
	g.Expect(err).NotTo(HaveOccurred())
	return int64(header.Counts.Taken)
}

// reveal has a manager write all that it knows: it does when the profile is to be made in another way.
func (a *archive) reveal(ctx context.Context, namespace, component string) {
	GinkgoHelper()
	p := a.profile(ctx, Default, namespace, component)
	changed := p.DeepCopy()
	changed.Spec.Algorithm = &v1alpha1.Algorithm{Type: v1alpha1.AlgorithmPeak}
	Expect(a.client.Patch(ctx, changed, client.MergeFrom(&p))).To(Succeed())
}

// profile reads the profile of a component.
func (a *archive) profile(ctx context.Context, g Gomega, namespace, component string) v1alpha1.WorkloadProfile {
	var list v1alpha1.WorkloadProfileList
	g.Expect(a.client.List(ctx, &list, client.InNamespace(namespace))).To(Succeed())
	for _, p := range list.Items {
		if p.Spec.Target == v1alpha1.TargetOf(kindOf(component), component) {
			return p
		}
	}
	g.Expect(list.Items).To(ContainElement(HaveField("Spec.Target.Name", component)), "%s has no profile of %s", namespace, component)
	return v1alpha1.WorkloadProfile{}
}

// measured waits until metrics-server shows of every container of a tenant what it uses.
func (a *archive) measured(ctx context.Context, namespace string, use func(component string) load.Usage) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		list, err := a.metrics.MetricsV1beta1().PodMetricses(namespace).List(ctx, metav1.ListOptions{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(list.Items).To(HaveLen(len(a.observer.Pods(func(p observe.Pod) bool { return p.Namespace == namespace }))))
		for i := range list.Items {
			for _, c := range list.Items[i].Containers {
				want := use(c.Name)
				g.Expect(c.Usage.Memory().Value()).To(Equal(want.MemoryBytes), list.Items[i].Name)
				g.Expect(float64(c.Usage.Cpu().MilliValue())).To(BeNumerically("~", want.MilliCPU, 0.1*float64(want.MilliCPU)+1), list.Items[i].Name)
			}
		}
	}).WithContext(ctx).WithPolling(time.Second).Should(Succeed())
}

// startOnly runs a manager with some of the controllers, as `--controllers` chooses.
func (a *archive) startOnly(ctx context.Context, controllers string) *installation.Process {
	GinkgoHelper()
	dir := filepath.Join(a.box.Dir(), fmt.Sprintf("manager-%d", len(a.managers)+1))
	Expect(os.Mkdir(dir, 0o700)).To(Succeed())
	script := filepath.Join(dir, "metapilot")
	Expect(os.WriteFile(script, []byte(fmt.Sprintf("#!/bin/sh\nexec %q \"$@\" --controllers %q\n", program, controllers)), 0o700)).To(Succeed()) //nolint:gosec // it is a program
	p, err := installation.StartManager(ctx, script, dir, a.manager, installation.Settings{Extra: profilesOften})
	Expect(err).NotTo(HaveOccurred())
	a.managers = append(a.managers, p)
	return p
}

// described is what profiles say, a line each.
func described(by map[string]v1alpha1.WorkloadProfile) string {
	var out strings.Builder
	for _, component := range components() {
		p := by[component]
		c := p.Status.Containers[0]
		fmt.Fprintf(&out, "%-24s %-10s target %s %s, peak %s %s, samples %d\n", component, c.Algorithm, c.Target.CPU, c.Target.Memory, c.Peak.CPU, c.Peak.Memory, *c.Samples)
	}
	return out.String()
}
