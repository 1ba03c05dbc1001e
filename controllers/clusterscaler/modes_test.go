package clusterscaler

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
)

var _ = Describe("mode", func() {
	It("DryRun tells, once, and changes nothing; what was told is not done when Auto comes", func(ctx SpecContext) {
		w := newWorld(ctx, mode(v1alpha1.ModeDryRun))
		w.kill(ctx, main+"-0", dead{})
		for range 3 {
			w.settle(ctx)
			w.after(time.Minute)
			w.restart()
		}
		records := w.records(ctx)
		Expect(records).To(HaveLen(1))
		Expect(records[0].Status.Phase).To(Equal(v1alpha1.PhaseDryRun))
		Expect(records[0].Spec.Message).To(ContainSubstring("memory limit 512Mi → 768Mi"))
		Expect(w.heard()).To(ContainElement(ContainSubstring("(dry run: nothing was changed)")))

		w.edit(ctx, func(s *v1alpha1.ClusterScaler) { s.Spec.Mode = v1alpha1.ModeAuto })
		w.settle(ctx)
		Expect(w.records(ctx)).To(HaveLen(1))
		Expect(w.limits(ctx)).To(HaveEach("512Mi"))
		Expect(w.hand.advanced).To(BeEmpty())
	})

	It("Off writes nothing down; a kill of that time is answered when the mode comes back within the day", func(ctx SpecContext) {
		w := newWorld(ctx, mode(v1alpha1.ModeOff))
		w.kill(ctx, main+"-0", dead{})
		w.settle(ctx)
		Expect(w.records(ctx)).To(BeEmpty())
		c := w.component(ctx)
		Expect(c.Verdict).To(Equal(decision.VerdictHeld))
		Expect(c.Gate).To(Equal(decision.GateSuspended))
		Expect(c.Message).To(HaveSuffix("held: spec.mode is Off: set it to DryRun or Auto"))
		w.edit(ctx, func(s *v1alpha1.ClusterScaler) { s.Spec.Mode = v1alpha1.ModeAuto })
		w.settle(ctx)
		w.answeredOnce(ctx)
	})
})

var _ = Describe("a target", func() {
	It("that does not exist makes the scaler not ready, with what to write, until it does", func(ctx SpecContext) {
		w := newWorld(ctx, spec(func(c *v1alpha1.Component) { c.Target.Name = "apiserver" }))
		w.settle(ctx)
		ready := w.condition(ctx, v1alpha1.ConditionReady)
		Expect(ready.Status).To(Equal(metav1.ConditionFalse))
		Expect(ready.Reason).To(Equal(string(decision.ReasonWorkloadNotFound)))
		Expect(ready.Message).To(Equal("kube-apiserver: Deployment apiserver does not exist in this namespace: correct target.kind and target.name, or create it"))
		Expect(w.heard()).To(ContainElement(ContainSubstring("Ready is False")))
		w.settle(ctx)
		Expect(w.heard()).To(BeEmpty(), "what has not changed is not said again")

		w.edit(ctx, func(s *v1alpha1.ClusterScaler) { s.Spec.Components[0].Target.Name = main })
		w.settle(ctx)
		Expect(w.condition(ctx, v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
	})

	It("that is scaled to zero, or paused by somebody, is left alone without alarm", func(ctx SpecContext) {
		w := newWorld(ctx, func(d *appsv1.Deployment, _ *v1alpha1.ClusterScaler) { d.Spec.Paused = true })
		w.kill(ctx, main+"-0", dead{})
		w.settle(ctx)
		Expect(w.component(ctx).Gate).To(Equal(decision.GateUnmanaged))
		Expect(w.hand.advanced).To(BeEmpty())
		Expect(w.heard()).To(BeEmpty())
		Expect(w.condition(ctx, v1alpha1.ConditionReady).Status).To(Equal(metav1.ConditionTrue))
	})
})

var _ = Describe("a maximum", func() {
	It("holds, says so once an hour, and lets the kill be answered when it is raised", func(ctx SpecContext) {
		w := newWorld(ctx, maximum("512Mi"))
		for i := range 4 {
			w.kill(ctx, fmt.Sprintf("%s-%d", main, i%2), dead{})
			w.settle(ctx)
			w.after(10 * time.Minute)
		}
		records := w.records(ctx)
		Expect(records).To(HaveLen(1))
		Expect(records[0].Status.Phase).To(Equal(v1alpha1.PhaseHeld))
		atMaximum := w.condition(ctx, v1alpha1.ConditionAtMaximum)
		Expect(atMaximum.Status).To(Equal(metav1.ConditionTrue))
		Expect(atMaximum.Message).To(ContainSubstring("bounds.max.memory 512Mi"))
		Expect(w.hand.advanced).To(BeEmpty())

		w.edit(ctx, func(s *v1alpha1.ClusterScaler) { s.Spec.Components[0].Bounds.Max.Memory = new(quantity("4Gi")) })
		w.settle(ctx)
		Expect(w.condition(ctx, v1alpha1.ConditionAtMaximum).Status).To(Equal(metav1.ConditionFalse))
		Expect(w.records(ctx)).To(HaveLen(2))
		Expect(w.hand.resizes).To(HaveLen(1))
	})
})

var _ = Describe("a leak", func() {
	It("is suspected after the day's increases, and a person is told", func(ctx SpecContext) {
		w := newWorld(ctx, spec(func(c *v1alpha1.Component) { c.ScaleUp = &v1alpha1.ScaleUp{MaxIncreasesPerDay: new(int32(2))} }))
		for range 4 {
			w.kill(ctx, main+"-0", dead{})
			w.settle(ctx)
			w.after(2 * time.Hour)
		}
		Expect(w.hand.resizes).To(HaveLen(2))
		Expect(w.component(ctx).Reason).To(Equal(decision.ReasonLeakSuspected))
		w.restart()
		w.after(30 * time.Minute)
		w.kill(ctx, main+"-1", dead{})
		w.settle(ctx)
		Expect(w.hand.resizes).To(HaveLen(2), "the next manager remembers")
		w.after(24 * time.Hour)
		w.kill(ctx, main+"-1", dead{})
		w.settle(ctx)
		Expect(w.hand.resizes).To(HaveLen(3))
	})
})

var _ = Describe("another writer", func() {
	It("who puts the old size back three times is not fought, and is named as a conflict", func(ctx SpecContext) {
		w := newWorld(ctx)
		old := w.deployment(ctx).Spec.Template.Spec
		for range 5 {
			w.kill(ctx, main+"-0", dead{})
			w.settle(ctx)
			w.after(2 * time.Hour)
			w.settle(ctx)
			d := w.deployment(ctx)
			d.Spec.Template.Spec = *old.DeepCopy()
			Expect(cl.Update(ctx, d)).To(Succeed())
			d.Status.ObservedGeneration = d.Generation
			Expect(cl.Status().Update(ctx, d)).To(Succeed())
			w.restart()
			w.settle(ctx)
			w.after(time.Hour)
		}
		Expect(w.hand.resizes).To(HaveLen(3))
		conflicted := w.condition(ctx, v1alpha1.ConditionConflicted)
		Expect(conflicted.Status).To(Equal(metav1.ConditionTrue))
		Expect(conflicted.Reason).To(Equal(string(decision.ReasonReverted)))
		Expect(conflicted.Message).To(ContainSubstring("undid what Metapilot wrote 3 times"))

		w.edit(ctx, func(s *v1alpha1.ClusterScaler) {
			s.Spec.Components[0].Bounds = &v1alpha1.Bounds{Max: &v1alpha1.BoundAmounts{Memory: new(quantity("8Gi"))}}
		})
		w.kill(ctx, main+"-0", dead{})
		w.settle(ctx)
		Expect(w.hand.resizes).To(HaveLen(4), "a change of the spec tries again")
	})

	It("who gives it more is not undone: theirs is the size to start from", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.kill(ctx, main+"-0", dead{})
		w.settle(ctx)
		d := w.deployment(ctx)
		d.Spec.Template.Spec.Containers[0].Resources = memory("1Gi", "2Gi")
		Expect(cl.Update(ctx, d)).To(Succeed())
		d.Status.ObservedGeneration = d.Generation
		Expect(cl.Status().Update(ctx, d)).To(Succeed())
		for i := range 2 {
			Expect(cl.Delete(ctx, w.pod(ctx, fmt.Sprintf("%s-%d", main, i)), client.GracePeriodSeconds(0))).To(Succeed())
			w.birth(ctx, fmt.Sprintf("%s-%d", main, i), d)
		}
		w.after(2 * time.Hour)
		w.settle(ctx)
		Expect(w.component(ctx).RevertCount).To(BeNil())
		w.after(time.Hour)
		w.kill(ctx, main+"-0", dead{})
		w.settle(ctx)
		Expect(w.limits(ctx)).To(HaveEach("3Gi"))
	})
})

var _ = Describe("a second ClusterScaler of the namespace", func() {
	It("does nothing and says which one is older", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.settle(ctx)
		second := w.scaler(ctx)
		second.ObjectMeta = metav1.ObjectMeta{Namespace: w.ns, Name: "zz-second"}
		// creationTimestamp is to the second; among equals the UID decides, so that only one is the elder.
		Expect(cl.Create(ctx, second)).To(Succeed())
		w.kill(ctx, main+"-0", dead{})
		for _, name := range []string{"control-plane", "zz-second"} {
			for range 3 {
				_, err := w.r.Reconcile(ctx, requestFor(w.ns, name))
				Expect(err).NotTo(HaveOccurred())
			}
		}
		Expect(w.hand.resizes).To(HaveLen(1))
		var list v1alpha1.ClusterScalerList
		Expect(cl.List(ctx, &list, client.InNamespace(w.ns))).To(Succeed())
		unready := 0
		for _, s := range list.Items {
			for _, c := range s.Status.Conditions {
				if c.Type == v1alpha1.ConditionReady && c.Reason == string(decision.ReasonAnotherScaler) {
					unready++
					Expect(c.Message).To(ContainSubstring("only one may act"))
				}
			}
		}
		Expect(unready).To(Equal(1))
	})
})

var _ = Describe("components of a tenant", func() {
	two := func(_ *appsv1.Deployment, s *v1alpha1.ClusterScaler) {
		proxy := *s.Spec.Components[0].DeepCopy()
		proxy.Name, proxy.Target.Container = "proxy", "proxy"
		s.Spec.Components = append(s.Spec.Components, proxy)
	}

	It("are raised to their minimum one after the other", func(ctx SpecContext) {
		w := newWorld(ctx, two, func(_ *appsv1.Deployment, s *v1alpha1.ClusterScaler) {
			s.Spec.Components[0].Bounds = &v1alpha1.Bounds{Min: &v1alpha1.BoundAmounts{Memory: new(quantity("1Gi"))}}
			s.Spec.Components[1].Bounds = &v1alpha1.Bounds{Min: &v1alpha1.BoundAmounts{Memory: new(quantity("64Mi"))}}
		})
		w.hand.stops = v1alpha1.PhaseConverging
		w.settle(ctx)
		Expect(w.hand.resizes).To(HaveLen(1))
		Expect(w.scaler(ctx).Status.Components[1].Reason).To(Equal(decision.ReasonChangeInProgress))
		w.hand.stops = ""
		w.after(time.Minute)
		w.settle(ctx)
		Expect(w.hand.resizes).To(HaveLen(2))
		Expect(w.limits(ctx)).To(HaveEach("1Gi"))
	})

	It("are answered at once when both are killed", func(ctx SpecContext) {
		w := newWorld(ctx, two)
		w.hand.stops = v1alpha1.PhaseConverging
		w.kill(ctx, main+"-0", dead{})
		_, err := w.once(ctx)
		Expect(err).NotTo(HaveOccurred())
		w.kill(ctx, main+"-1", dead{container: "proxy"})
		_, err = w.once(ctx)
		Expect(err).NotTo(HaveOccurred())
		records := w.records(ctx)
		Expect(records).To(HaveLen(2))
	})
})

var _ = Describe("a pod born at an older size", func() {
	It("is brought to the size in force where the template is not ours to write", func(ctx SpecContext) {
		w := newWorld(ctx, spec(func(c *v1alpha1.Component) {
			c.Actuation = &v1alpha1.Actuation{Type: v1alpha1.ActuationInPlace, InPlace: &v1alpha1.InPlaceActuation{Template: v1alpha1.TemplateLeave}}
		}))
		w.kill(ctx, main+"-0", dead{})
		w.settle(ctx)
		Expect(w.deployment(ctx).Spec.Template.Spec.Containers[0].Resources.Limits.Memory().String()).To(Equal("512Mi"))
		w.birth(ctx, main+"-2", w.deployment(ctx))
		w.restart()
		w.after(time.Hour)
		w.settle(ctx)
		Expect(w.limits(ctx)).To(HaveEach("768Mi"))
		Expect(w.hand.corrects).To(Equal(1))
		Expect(w.records(ctx)).To(HaveLen(1))
	})
})

var _ = Describe("records", func() {
	It("are kept in a number, the newest, and never those in use", func(ctx SpecContext) {
		w := newWorld(ctx, spec(func(c *v1alpha1.Component) { c.ScaleUp = &v1alpha1.ScaleUp{MaxIncreasesPerDay: new(int32(20))} }))
		w.r.KeepRecords = 2
		for range 4 {
			w.kill(ctx, main+"-0", dead{})
			w.settle(ctx)
			w.after(2 * time.Hour)
		}
		records := w.records(ctx)
		Expect(len(records)).To(BeNumerically("<=", 3))
		var names []string
		for _, r := range records {
			names = append(names, r.Name)
		}
		Expect(names).To(ContainElement(w.component(ctx).LastRecord))
	})
})

var _ = Describe("defaults", func() {
	It("of what is left out as a whole are those that the API server fills in", func(ctx SpecContext) {
		w := newWorld(ctx, spec(func(c *v1alpha1.Component) {
			c.ScaleUp = &v1alpha1.ScaleUp{Triggers: []v1alpha1.Trigger{{Type: v1alpha1.TriggerOOM, OOM: &v1alpha1.OOMTrigger{}}}}
			c.Estimators = []v1alpha1.Estimator{{Type: v1alpha1.EstimatorOOM, OOM: &v1alpha1.OOMEstimator{}}}
			c.Actuation = &v1alpha1.Actuation{Type: v1alpha1.ActuationInPlace, InPlace: &v1alpha1.InPlaceActuation{}}
		}))
		filled := w.scaler(ctx).Spec.Components[0]
		Expect(filled.ScaleUp.MaxIncreasesPerDay).NotTo(BeNil())
		Expect(filled.Estimators[0].OOM.MinBump).NotTo(BeNil())
		auto := &v1alpha1.ClusterScalerSpec{Mode: v1alpha1.ModeAuto}
		got, err := settingsOf(auto, &filled)
		Expect(err).NotTo(HaveOccurred())
		want, err := settingsOf(auto, &v1alpha1.Component{})
		Expect(err).NotTo(HaveOccurred())
		Expect(got).To(Equal(want))
	})
})
