package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/size"
	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/observe"
	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/kubelet"
	"github.com/metapilot/metapilot/test/sandbox/load"
)

const (
	// fleetBudget is how many scale-downs may begin within budgetWindow.
	fleetBudget  = 3
	budgetWindow = time.Minute
	// idleTenants are those that shrink; another one has its load come back.
	idleTenants = 3
	// downWatch is how long each step is watched.
	downWatch = 10 * time.Second
)

// hasty is what takes hours, in seconds.
var hasty = fmt.Sprintf(`usage:
  metricsServer: {intervalSeconds: 5, timeoutSeconds: 5}
profiles: {intervalSeconds: 5, timeoutSeconds: 5, checkpointSeconds: 60, writesPerSecond: 1000}
scaleDown: {windowSeconds: %d, maxPercent: 0, minimum: %d}
`, int(budgetWindow.Seconds()), fleetBudget)

// idle is what components of idle tenants use.
var idle = load.Usage{MilliCPU: 5, MemoryBytes: 30 << 20}

// shrinking is a ClusterScaler whose components may be made smaller, a minute after the last change.
func shrinking(namespace string, watch time.Duration) *v1alpha1.ClusterScaler {
	s := scaler(namespace, v1alpha1.ModeAuto, time.Second)
	for i := range s.Spec.Components {
		c := &s.Spec.Components[i]
		c.ScaleDown = &v1alpha1.ScaleDown{WindowSeconds: new(int32(60)), CooldownSeconds: new(int32(60)), QuietSeconds: new(int32(60)), WatchSeconds: new(int32(watch / time.Second))}
		c.ScaleUp = &v1alpha1.ScaleUp{Triggers: []v1alpha1.Trigger{{Type: v1alpha1.TriggerOOM}, {Type: v1alpha1.TriggerMemory, Memory: &v1alpha1.HighUse{ForSeconds: new(int32(5))}}}}
		c.Estimators = []v1alpha1.Estimator{{Type: v1alpha1.EstimatorOOM}, {Type: v1alpha1.EstimatorProfile, Profile: &v1alpha1.ProfileEstimator{MinHistorySeconds: new(int32(30))}}}
	}
	return s
}

// lowered gives the records of scale-downs in some tenants, oldest first.
func (h *house) lowered(ctx context.Context, g Gomega, tenants ...string) (out []v1alpha1.ScalingRecord) {
	for _, name := range tenants {
		var list v1alpha1.ScalingRecordList
		g.Expect(h.client.List(ctx, &list, client.InNamespace(name))).To(Succeed())
		for _, r := range list.Items {
			if r.Spec.Verdict == decision.VerdictScaleDown {
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b v1alpha1.ScalingRecord) int { return a.Spec.DecidedAt.Compare(b.Spec.DecidedAt.Time) })
	return out
}

// ended is when a record came to its end.
func ended(r *v1alpha1.ScalingRecord) time.Time {
	var last time.Time
	for _, e := range r.Status.Timeline {
		if e.Time.After(last) {
			last = e.Time.Time
		}
	}
	return last
}

var _ = Describe("Tenants that use little", Ordered, func() {
	var h *house
	var tenants []string
	var back string
	var before []observe.Pod

	BeforeAll(func(ctx SpecContext) {
		h = newHouse(ctx, sandbox.Options{Controllers: true, Nodes: 1, Metrics: true})
		tenants = h.tenants(ctx, "idle-", idleTenants)
		back = h.tenants(ctx, "back-", 1)[0]
		all := append(slices.Clone(tenants), back)
		Expect(h.box.WaitTenantsReady(ctx, all...)).To(Succeed())
		for _, name := range all {
			for _, component := range components() {
				h.load(ctx, name, component, idle)
			}
		}
		before = h.everyPod()
		h.start(ctx, h.manager, installation.Settings{Extra: hasty})
		Expect(each(ctx, tenants, func(ctx context.Context, name string) error { return h.client.Create(ctx, shrinking(name, downWatch)) })).To(Succeed())
	})

	It("are made smaller step by step: one component of a tenant at a time, within the budget, without a restart", func(ctx SpecContext) {
		const steps = 2 * fleetBudget
		Eventually(func(g Gomega) {
			done := 0
			for _, r := range h.lowered(ctx, g, tenants...) {
				g.Expect(r.Status.Phase).NotTo(Equal(v1alpha1.PhaseFailed), "%s: %s", r.Name, r.Status.Message)
				if r.Status.Phase == v1alpha1.PhaseSucceeded {
					done++
				}
			}
			g.Expect(done).To(BeNumerically(">=", steps))
		}).WithContext(ctx).WithTimeout(6 * time.Minute).WithPolling(time.Second).Should(Succeed())

		records := h.lowered(ctx, Default, tenants...)
		show("scale-downs", "%s", told(records))
		for i := range records {
			r := &records[i]
			within := 0
			for j := range records[:i+1] {
				if r.Spec.DecidedAt.Sub(records[j].Spec.DecidedAt.Time) < budgetWindow {
					within++
				}
				if other := &records[j]; j < i && other.Namespace == r.Namespace {
					Expect(ended(other)).To(BeTemporally("<=", r.Spec.DecidedAt.Time), "%s began before %s had ended", r.Name, other.Name)
				}
			}
			Expect(within).To(BeNumerically("<=", fleetBudget), "within %s of %s", budgetWindow, r.Name)
			from, to := sizes.FromAPI(&r.Spec.From).Ceiling(), sizes.FromAPI(&r.Spec.To).Ceiling()
			Expect(int64(to.Memory.Or(0))).To(BeNumerically(">", idle.MemoryBytes), "%s: below what is used", r.Name)
			Expect(int64(to.Memory.Or(0))).To(BeNumerically(">=", int64(from.Memory.Or(0))*3/4), "%s: more than a step", r.Name)
		}
		for _, was := range before {
			now := h.observer.Pods(func(p observe.Pod) bool { return p.Namespace == was.Namespace && p.Name == was.Name })
			Expect(now).To(HaveLen(1))
			Expect(now[0].UID).To(Equal(was.UID), "%s/%s was replaced", was.Namespace, was.Name)
			Expect(now[0].Restarts).To(Equal(was.Restarts), "%s/%s was restarted", was.Namespace, was.Name)
		}
	})

	It("get back what was taken when their load returns right after a step", func(ctx SpecContext) {
		Expect(h.client.Create(ctx, shrinking(back, 5*time.Minute))).To(Succeed())
		var step v1alpha1.ScalingRecord
		Eventually(func(g Gomega) {
			records := h.lowered(ctx, g, back)
			g.Expect(records).NotTo(BeEmpty())
			step = records[0]
			g.Expect(step.Status.Phase).To(Equal(v1alpha1.PhaseWatching))
		}).WithContext(ctx).WithTimeout(4 * time.Minute).WithPolling(time.Second).Should(Succeed())

		to := sizes.FromAPI(&step.Spec.To).Ceiling().Memory.Or(0)
		h.load(ctx, back, step.Spec.Component, load.Usage{MilliCPU: idle.MilliCPU, MemoryBytes: int64(size.Share(to, 96, 100))})
		Eventually(func(g Gomega) {
			g.Expect(h.client.Get(ctx, client.ObjectKeyFromObject(&step), &step)).To(Succeed())
			g.Expect(step.Status.Phase).To(Equal(v1alpha1.PhaseUndone))
			var s v1alpha1.ClusterScaler
			g.Expect(h.client.Get(ctx, client.ObjectKey{Namespace: back, Name: scalerName}, &s)).To(Succeed())
			for _, c := range s.Status.Components {
				if c.Name == step.Spec.Component {
					g.Expect(c.UndoneCount).To(HaveValue(BeEquivalentTo(1)), "the cooldown doubles")
				}
			}
			for _, p := range h.pods(back, step.Spec.Component) {
				g.Expect(p.Memory[step.Spec.Component]).To(BeNumerically(">=", int64(sizes.FromAPI(&step.Spec.From).Ceiling().Memory.Or(0))))
			}
		}).WithContext(ctx).WithTimeout(3 * time.Minute).WithPolling(time.Second).Should(Succeed())
		show("taken back", "%s", told([]v1alpha1.ScalingRecord{step}))
	})

	It("met no error and nothing that was forbidden", func() {
		h.loggedNoTrouble()
	})
})

// load gives a workload a constant load.
func (h *house) load(ctx context.Context, namespace, workload string, u load.Usage) {
	GinkgoHelper()
	Expect(h.box.SetLoad(ctx, kubelet.Target{Namespace: namespace, Workload: workload}, load.Load{Shape: load.Constant, To: u})).To(Succeed())
}

// told is what records say, a line each.
func told(records []v1alpha1.ScalingRecord) string {
	var out strings.Builder
	for _, r := range records {
		from, to := sizes.FromAPI(&r.Spec.From).Ceiling(), sizes.FromAPI(&r.Spec.To).Ceiling()
		fmt.Fprintf(&out, "%s  %-12s %-24s %-10s %s → %s\n", r.Spec.DecidedAt.UTC().Format(time.TimeOnly), r.Namespace, r.Spec.Component, r.Status.Phase, from, to)
	}
	return out.String()
}
