package clusterscaler

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/budget"
	"github.com/metapilot/metapilot/scalers/usage"
	"github.com/metapilot/metapilot/size"
)

// look is how far apart the test's looks are: less than an eighth of the window of twelve hours.
const look = time.Hour

// shrinks lets a component be made smaller.
func shrinks(changes ...func(*v1alpha1.ScaleDown)) option {
	return spec(func(c *v1alpha1.Component) {
		c.ScaleDown = &v1alpha1.ScaleDown{State: v1alpha1.SwitchEnabled}
		for _, change := range changes {
			change(c.ScaleDown)
		}
	})
}

// uses has every replica measured just now.
func (w *world) uses(cpu size.MilliCPU, memory size.Bytes) {
	w.used.last = &usage.Usage{MeasuredAt: w.clock.Now(), Amounts: size.Amounts{CPU: size.Of(cpu), Memory: size.Of(memory)}}
}

// profile writes what the profile service would: two days of history, and what is needed.
func (w *world) profile(ctx context.Context, cpu, memory string) {
	GinkgoHelper()
	p := &v1alpha1.WorkloadProfile{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "deployment-" + main},
		Spec: v1alpha1.WorkloadProfileSpec{Target: v1alpha1.TargetOf(v1alpha1.TargetDeployment, main)}}
	if err := cl.Get(ctx, client.ObjectKeyFromObject(p), p); client.IgnoreNotFound(err) != nil {
		Expect(err).NotTo(HaveOccurred())
	} else if err != nil {
		Expect(cl.Create(ctx, p)).To(Succeed())
	}
	now := metav1.NewTime(w.clock.Now())
	p.Status = v1alpha1.WorkloadProfileStatus{
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionSignalsFresh, Status: metav1.ConditionTrue, Reason: "Fresh", LastTransitionTime: now}},
		Containers: []v1alpha1.ContainerProfile{{Name: main, FirstSampleTime: new(metav1.NewTime(noon.Add(-48 * time.Hour))), LastSampleTime: &now,
			Target: &v1alpha1.ResourceAmounts{CPU: new(quantity(cpu)), Memory: new(quantity(memory))}}},
	}
	Expect(cl.Status().Update(ctx, p)).To(Succeed())
}

// idle looks at the tenant once, while it uses little and its profile is up to date.
func (w *world) idle(ctx context.Context) {
	GinkgoHelper()
	w.uses(10, 80*size.MiB)
	w.profile(ctx, "20m", "100Mi")
	w.settle(ctx)
}

// idles lets the time pass with such looks; the first is now, the last before the end.
func (w *world) idles(ctx context.Context, d time.Duration) {
	GinkgoHelper()
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end); w.after(look) {
		w.idle(ctx)
	}
}

// downs gives the records of scale-downs.
func (w *world) downs(ctx context.Context) (out []v1alpha1.ScalingRecord) {
	for _, r := range w.records(ctx) {
		if r.Spec.Verdict == decision.VerdictScaleDown {
			out = append(out, r)
		}
	}
	return out
}

var _ = Describe("a component that is too large", func() {
	It("is made smaller, one step a cooldown, once it has used little for the whole window", func(ctx SpecContext) {
		w := newWorld(ctx, shrinks())
		w.idles(ctx, 11*time.Hour)
		Expect(w.records(ctx)).To(BeEmpty(), "eleven hours are less than the window")
		Expect(w.component(ctx).Reason).To(Equal(decision.ReasonObserving))

		w.idles(ctx, 2*time.Hour)
		Expect(w.limits(ctx)).To(HaveEach("384Mi"), "a quarter less than 512Mi")
		records := w.downs(ctx)
		Expect(records).To(HaveLen(1))
		Expect(records[0].Spec.Trigger.Type).To(Equal(v1alpha1.RecordTriggerLowUse))
		Expect(records[0].Spec.Trigger.Use.Low).To(HaveLen(2))
		Expect(*records[0].Spec.Actuation.WatchSeconds).To(BeEquivalentTo(3600))
		Expect(records[0].Status.MonthlyDelta.Memory.Sign()).To(Equal(-1))

		w.idles(ctx, 10*time.Hour)
		Expect(w.downs(ctx)).To(HaveLen(1), "a step within the cooldown")
		Expect(w.downs(ctx)[0].Status.Phase).To(Equal(v1alpha1.PhaseSucceeded))
		Expect(w.component(ctx).Gate).To(Equal(decision.GateCoolingDown))

		w.idles(ctx, 60*time.Hour)
		Expect(w.limits(ctx)).To(HaveEach("122Mi"), "80Mi are more than 60% of it")
		steps := w.downs(ctx)
		for i := range steps {
			Expect(steps[i].Status.Phase).To(Equal(v1alpha1.PhaseSucceeded), steps[i].Status.Message)
			if i > 0 {
				Expect(steps[i].Spec.DecidedAt.Sub(steps[i-1].Spec.DecidedAt.Time)).To(BeNumerically(">=", 12*time.Hour))
			}
		}
	})

	It("loses no window to a restart", func(ctx SpecContext) {
		w := newWorld(ctx, shrinks())
		w.idles(ctx, 8*time.Hour)
		w.restart()
		w.idles(ctx, 5*time.Hour)
		Expect(w.downs(ctx)).To(HaveLen(1), "the window goes on after the restart")
	})

	DescribeTable("waits for another whole window after", func(ctx SpecContext, breaks func(*world)) {
		w := newWorld(ctx, shrinks())
		w.idles(ctx, 11*time.Hour)
		breaks(w)
		w.settle(ctx)
		w.after(time.Minute)
		w.idles(ctx, 11*time.Hour)
		Expect(w.downs(ctx)).To(BeEmpty())
		w.idles(ctx, 2*time.Hour)
		Expect(w.downs(ctx)).To(HaveLen(1))
	},
		Entry("a spike", func(w *world) { w.uses(80, 400*size.MiB) }),
		Entry("a gap", func(w *world) { w.after(2 * time.Hour) }),
	)

	It("has its status written when something changes, not at every measurement", func(ctx SpecContext) {
		w := newWorld(ctx, shrinks(), spec(func(c *v1alpha1.Component) {
			c.Estimators = []v1alpha1.Estimator{{Type: v1alpha1.EstimatorProfile}, {Type: v1alpha1.EstimatorUtilization}}
		}))
		version := ""
		for i := range 20 { // 60% of 512Mi are 307Mi: use crosses the trigger again and again
			w.uses(50+size.MilliCPU(i%2), (300+size.Bytes(i%2)*10)*size.MiB)
			w.profile(ctx, "20m", "100Mi")
			w.settle(ctx)
			w.after(25 * time.Second)
			if i == 2 {
				version = w.scaler(ctx).ResourceVersion
			}
		}
		Expect(w.scaler(ctx).ResourceVersion).To(Equal(version))
	})

	It("is left as it is while anything is not known, and says what", func(ctx SpecContext) {
		w := newWorld(ctx, shrinks())
		w.idles(ctx, 8*time.Hour)
		By("the profile service is gone")
		for range 6 {
			w.uses(10, 80*size.MiB)
			w.settle(ctx)
			w.after(look)
		}
		Expect(w.downs(ctx)).To(BeEmpty())
		Expect(w.component(ctx).Gate).To(Equal(decision.GateBlind))
		Expect(w.component(ctx).Message).To(ContainSubstring("is the profile service running?"))
		By("use is not measured")
		w.used.last = nil
		w.after(2 * time.Hour)
		w.profile(ctx, "20m", "100Mi")
		w.settle(ctx)
		Expect(w.downs(ctx)).To(BeEmpty())
		Expect(w.component(ctx).Reason).To(Equal(decision.ReasonSignalsMissing))
	})

	It("gets back what was taken when trouble comes while it is watched, and waits twice as long", func(ctx SpecContext) {
		w := newWorld(ctx, shrinks(func(d *v1alpha1.ScaleDown) { d.QuietSeconds = new(int32(60)) }))
		w.idles(ctx, 12*time.Hour)
		w.idle(ctx)
		Expect(w.limits(ctx)).To(HaveEach("384Mi"))
		w.after(time.Minute)
		for range 3 {
			w.uses(10, 380*size.MiB)
			w.settle(ctx)
			w.after(50 * time.Second)
		}
		Expect(w.limits(ctx)).To(HaveEach("512Mi"))
		records := w.records(ctx)
		Expect(records).To(HaveLen(2))
		Expect(records[0].Status.Phase).To(Equal(v1alpha1.PhaseUndone))
		Expect(records[1].Spec.Trigger.Type).To(Equal(v1alpha1.RecordTriggerUndo))
		Expect(records[1].Spec.Trigger.Use.Undoes).To(Equal(records[0].Name))
		Expect(*w.component(ctx).UndoneCount).To(BeEquivalentTo(1))

		w.idles(ctx, 23*time.Hour)
		Expect(w.downs(ctx)).To(HaveLen(1), "the cooldown is doubled")
		w.idles(ctx, 3*time.Hour)
		Expect(w.downs(ctx)).To(HaveLen(2))
		Expect(w.component(ctx).UndoneCount).To(BeNil(), "the second one lasted")
	})

	It("is rescued from a kill while it is watched, with at least what it had", func(ctx SpecContext) {
		w := newWorld(ctx, shrinks())
		w.idles(ctx, 12*time.Hour)
		w.idle(ctx)
		Expect(w.limits(ctx)).To(HaveEach("384Mi"))
		w.after(time.Minute)
		w.kill(ctx, main+"-0", dead{})
		w.settle(ctx)
		Expect(w.limits(ctx)).To(HaveEach("576Mi"), "384Mi + 50%, more than the 512Mi that it had")
		Expect(w.records(ctx)[0].Status.Phase).To(Equal(v1alpha1.PhaseUndone))
		Expect(*w.component(ctx).UndoneCount).To(BeEquivalentTo(1))
		w.idles(ctx, 23*time.Hour)
		Expect(w.downs(ctx)).To(HaveLen(1))
		Expect(w.component(ctx).Gate).To(BeElementOf(decision.GateCoolingDown, decision.GateRecentTrouble))
	})

	It("waits for the fleet's budget, which a kill passes", func(ctx SpecContext) {
		w := newWorld(ctx, shrinks())
		w.r.Budget = budget.New(budget.Settings{Window: time.Hour, Minimum: 2, MaxBlindPercent: 100, MaxAgreePercent: 100})
		w.r.Budget.Load(nil)
		w.idles(ctx, 11*time.Hour)
		for i := range 2 {
			Expect(w.r.Budget.Spend(w.clock.Now().Add(59*time.Minute), fmt.Sprint("other-", i), "etcd")).To(BeTrue())
		}
		w.idles(ctx, time.Hour)
		w.idle(ctx)
		Expect(w.downs(ctx)).To(BeEmpty())
		Expect(w.component(ctx).Gate).To(Equal(decision.GateOverBudget))
		w.kill(ctx, main+"-0", dead{})
		w.settle(ctx)
		Expect(w.limits(ctx)).To(HaveEach("768Mi"))
	})

	It("is only told of in a dry run, once a day", func(ctx SpecContext) {
		w := newWorld(ctx, mode(v1alpha1.ModeDryRun), shrinks())
		w.idles(ctx, 22*time.Hour)
		Expect(w.limits(ctx)).To(HaveEach("512Mi"))
		Expect(w.downs(ctx)).To(HaveLen(1))
		Expect(w.heard()).To(ContainElement(ContainSubstring("(dry run: nothing was changed)")))
	})

	It("is held by a pause until it ends by itself", func(ctx SpecContext) {
		w := newWorld(ctx, shrinks())
		w.edit(ctx, func(s *v1alpha1.ClusterScaler) {
			s.Spec.Pause = &v1alpha1.Pause{Until: metav1.NewTime(noon.Add(20 * time.Hour)), Reason: "change freeze"}
		})
		w.idles(ctx, 19*time.Hour)
		Expect(w.downs(ctx)).To(BeEmpty())
		Expect(w.condition(ctx, v1alpha1.ConditionPaused).Message).To(ContainSubstring("change freeze"))
		w.idles(ctx, 2*time.Hour)
		Expect(w.downs(ctx)).To(HaveLen(1))
		Expect(w.condition(ctx, v1alpha1.ConditionPaused).Status).To(Equal(metav1.ConditionFalse))
	})
})

var _ = Describe("a component that uses nearly all that it has", func() {
	It("is made larger before it is killed", func(ctx SpecContext) {
		w := newWorld(ctx, spec(func(c *v1alpha1.Component) {
			c.ScaleUp = &v1alpha1.ScaleUp{Triggers: []v1alpha1.Trigger{{Type: v1alpha1.TriggerMemory}}}
		}))
		for range 4 {
			w.uses(50, 480*size.MiB)
			w.settle(ctx)
			w.after(30 * time.Second)
		}
		Expect(w.limits(ctx)).To(HaveEach("686Mi"), "480Mi are 70% of it")
		records := w.records(ctx)
		Expect(records).To(HaveLen(1))
		Expect(records[0].Spec.Trigger.Type).To(Equal(v1alpha1.RecordTriggerHighUse))
		Expect(records[0].Spec.To.Limits.Memory.Equal(resource.MustParse("686Mi"))).To(BeTrue())
		Expect(w.deployment(ctx).Spec.Template.Spec.Containers[0].Resources.Requests[corev1.ResourceMemory]).To(Equal(resource.MustParse("343Mi")))
	})
})
