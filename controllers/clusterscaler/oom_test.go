package clusterscaler

import (
	"context"
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/scalers/usage"
	"github.com/metapilot/metapilot/size"
)

// answeredOnce says that one kill was answered, once, with half as much again.
func (w *world) answeredOnce(ctx context.Context) v1alpha1.ScalingRecord {
	GinkgoHelper()
	records := w.records(ctx)
	Expect(records).To(HaveLen(1))
	Expect(w.hand.resizes).To(Equal(map[string]int{records[0].Name: 1}))
	Expect(w.limits(ctx)).To(HaveEach("768Mi"))
	return records[0]
}

var _ = Describe("an OOM kill", func() {
	It("is written down, answered on all replicas, and remembered", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.settle(ctx)
		Expect(w.component(ctx).Verdict).To(Equal(decision.VerdictSteady))
		w.kill(ctx, main+"-0", dead{})
		w.settle(ctx)

		record := w.answeredOnce(ctx)
		Expect(record.Spec.Verdict).To(Equal(decision.VerdictScaleUp))
		Expect(record.Spec.Reason).To(Equal(decision.ReasonOOMKilled))
		Expect(record.Spec.Trigger.OOM.Kills).To(HaveLen(1))
		Expect(record.Status.Phase).To(Equal(v1alpha1.PhaseWatching))
		var steps []v1alpha1.TimelineStep
		for _, e := range record.Status.Timeline {
			steps = append(steps, e.Step)
		}
		Expect(steps).To(Equal([]v1alpha1.TimelineStep{v1alpha1.StepReported, v1alpha1.StepDetected, v1alpha1.StepDecided, v1alpha1.StepResized, v1alpha1.StepConverged}))

		c := w.component(ctx)
		Expect(c.OpenRecord).To(Equal(record.Name))
		Expect(c.OOM.Floor.Memory.String()).To(Equal("768Mi"))
		Expect(c.OOM.LastKillTime.Time).To(BeTemporally("==", noon.Add(-time.Second)))
		Expect(c.OOM.Answered).To(HaveLen(1))
		Expect(c.IncreaseTimes).To(HaveLen(1))
		Expect(w.heard()).To(ContainElement(ContainSubstring("memory limit 512Mi → 768Mi")))

		w.after(11 * time.Minute)
		w.settle(ctx)
		Expect(w.records(ctx)[0].Status.Phase).To(Equal(v1alpha1.PhaseSucceeded))
		Expect(w.component(ctx).OpenRecord).To(BeEmpty())
	})

	It("is answered once, however often it is looked at, by however many managers in turn", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.kill(ctx, main+"-0", dead{})
		for range 5 {
			w.settle(ctx)
			w.after(time.Minute)
			w.restart()
		}
		w.answeredOnce(ctx)
	})

	It("is answered once though every status write fails until the manager is replaced", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.kill(ctx, main+"-0", dead{})
		w.r.Client = interceptor.NewClient(cl, interceptor.Funcs{
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				if _, ok := o.(*v1alpha1.ClusterScaler); ok {
					return apierrors.NewInternalError(errors.New("no luck"))
				}
				return c.SubResource(sub).Patch(ctx, o, p, opts...)
			},
		})
		for range 3 {
			_, err := w.once(ctx)
			Expect(err).To(MatchError(ContainSubstring("writing the status: Internal error occurred: no luck")))
		}
		w.restart()
		w.settle(ctx)
		w.answeredOnce(ctx)
		Expect(w.component(ctx).OOM.Answered).To(HaveLen(1))
	})

	It("is answered once though the cache has not seen the answer", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.kill(ctx, main+"-0", dead{})
		old := w.scaler(ctx)
		w.settle(ctx)
		w.r.Client = interceptor.NewClient(cl, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				if s, ok := o.(*v1alpha1.ClusterScaler); ok {
					old.DeepCopyInto(s)
					return nil
				}
				return c.Get(ctx, key, o, opts...)
			},
		})
		for range 3 {
			w.after(time.Minute)
			_, err := w.once(ctx)
			Expect(err).NotTo(HaveOccurred())
		}
		w.answeredOnce(ctx)
	})

	It("is carried on by the next leader from where the first one fell", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.kill(ctx, main+"-0", dead{})
		w.hand.fails = errors.New("the API server went away")
		_, err := w.once(ctx)
		Expect(err).To(MatchError(ContainSubstring("the API server went away")))
		Expect(w.records(ctx)).To(HaveLen(1))
		w.restart()
		w.after(time.Minute)
		w.settle(ctx)
		record := w.answeredOnce(ctx)
		Expect(record.Spec.DecidedAt.Time).To(BeTemporally("==", noon), "the first leader's decision")
		Expect(record.Status.Phase).To(Equal(v1alpha1.PhaseWatching))
	})

	It("comes to a conflict when somebody writes at the same time, and is looked at again soon", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.kill(ctx, main+"-0", dead{})
		conflicts := 1
		w.r.Client = interceptor.NewClient(cl, interceptor.Funcs{
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				if _, ok := o.(*v1alpha1.ClusterScaler); ok && conflicts > 0 {
					conflicts--
					return apierrors.NewConflict(schema.GroupResource{Resource: "clusterscalers"}, o.GetName(), errors.New("changed"))
				}
				return c.SubResource(sub).Patch(ctx, o, p, opts...)
			},
		})
		result, err := w.once(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(result.RequeueAfter).To(BeNumerically(">", 0))
		Expect(result.RequeueAfter).To(BeNumerically("<", time.Second))
		w.settle(ctx)
		w.answeredOnce(ctx)
	})

	It("that repeats within the hour is answered with double the bump, and ends the record before", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.kill(ctx, main+"-0", dead{})
		w.settle(ctx)
		w.after(5 * time.Minute)
		w.kill(ctx, main+"-1", dead{})
		w.settle(ctx)
		records := w.records(ctx)
		Expect(records).To(HaveLen(2))
		Expect(records[0].Status.Phase).To(Equal(v1alpha1.PhaseSuperseded))
		Expect(*records[0].Status.KillsWhileWatched).To(BeEquivalentTo(1))
		Expect(*records[1].Spec.Trigger.OOM.Repeats).To(BeEquivalentTo(1))
		Expect(w.limits(ctx)).To(HaveEach("1536Mi"), "768Mi and 100 %% of it")
		Expect(w.component(ctx).OpenRecord).To(Equal(records[1].Name))
	})

	It("counts those before it that nobody saw", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.settle(ctx)
		w.kill(ctx, main+"-0", dead{restarts: 3})
		w.settle(ctx)
		records := w.records(ctx)
		Expect(records).To(HaveLen(1))
		Expect(*records[0].Spec.Trigger.OOM.Kills[0].MissedRestarts).To(BeEquivalentTo(2))
		Expect(*records[0].Spec.Trigger.OOM.Kills[0].RestartCount).To(BeEquivalentTo(2))
		// The next one has missed nothing: all before it are accounted for, also after a restart of the manager.
		for _, name := range []string{main + "-0", main + "-1"} {
			w.restart()
			w.after(2 * time.Hour)
			w.kill(ctx, name, dead{})
			w.settle(ctx)
		}
		for _, r := range w.records(ctx)[1:] {
			Expect(r.Spec.Trigger.OOM.Kills[0].MissedRestarts).To(BeNil())
		}
	})

	It("still knows what it has missed when a gate lets it through at last", func(ctx SpecContext) {
		w := newWorld(ctx, maximum("512Mi"))
		w.settle(ctx)
		w.kill(ctx, main+"-0", dead{restarts: 3})
		for range 3 {
			w.settle(ctx)
			w.after(time.Minute)
		}
		w.edit(ctx, func(s *v1alpha1.ClusterScaler) { s.Spec.Components[0].Bounds = nil })
		w.settle(ctx)
		records := w.records(ctx)
		Expect(records).To(HaveLen(2), "one that was held, one that was done")
		Expect(*records[1].Spec.Trigger.OOM.Kills[0].MissedRestarts).To(BeEquivalentTo(2))
	})

	It("is answered though its pod is gone", func(ctx SpecContext) {
		w := newWorld(ctx)
		pod := w.kill(ctx, main+"-0", dead{})
		Expect(cl.Delete(ctx, pod, client.GracePeriodSeconds(0))).To(Succeed())
		w.settle(ctx)
		record := w.answeredOnce(ctx)
		Expect(record.Spec.Trigger.OOM.Kills[0].Pod).To(Equal(main + "-0"))
	})

	It("of another tenant with the same names is none of this one's", func(ctx SpecContext) {
		a, b := newWorld(ctx), newWorld(ctx)
		a.kill(ctx, main+"-0", dead{})
		b.r.inbox = a.r.inbox
		b.settle(ctx)
		Expect(b.records(ctx)).To(BeEmpty())
		Expect(b.limits(ctx)).To(HaveEach("512Mi"))
		a.settle(ctx)
		a.answeredOnce(ctx)
	})

	It("of another container of the pod is not the component's", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.kill(ctx, main+"-0", dead{container: "proxy"})
		w.settle(ctx)
		Expect(w.records(ctx)).To(BeEmpty())
	})

	It("of a pod that only looks like the workload's is not the component's", func(ctx SpecContext) {
		w := newWorld(ctx)
		stray := w.pod(ctx, main+"-0")
		stray.ObjectMeta = *stray.ObjectMeta.DeepCopy()
		stray.Name, stray.ResourceVersion, stray.UID, stray.OwnerReferences = "stray", "", "", nil
		Expect(cl.Create(ctx, stray)).To(Succeed())
		stray.Status.ContainerStatuses = w.pod(ctx, main+"-0").Status.ContainerStatuses
		Expect(cl.Status().Update(ctx, stray)).To(Succeed())
		// Its labels are the workload's: an event of it reaches the inbox, and yet it is owned by nobody.
		pod := w.pod(ctx, "stray")
		pod.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137, ContainerID: "x"}
		Expect(cl.Status().Update(ctx, pod)).To(Succeed())
		w.r.inbox.put(pod, w.clock.Now())
		w.settle(ctx)
		Expect(w.records(ctx)).To(BeEmpty())
	})

	It("of which nobody knows when it was is answered all the same", func(ctx SpecContext) {
		w := newWorld(ctx)
		pod := w.kill(ctx, main+"-0", dead{})
		pod.Status.ContainerStatuses[0].LastTerminationState.Terminated.FinishedAt = metav1.Time{}
		Expect(cl.Status().Update(ctx, pod)).To(Succeed())
		w.restart()
		w.settle(ctx)
		record := w.answeredOnce(ctx)
		Expect(record.Spec.Trigger.OOM.Kills[0].FinishedAt.IsZero()).To(BeTrue())
		Expect(w.component(ctx).OOM.LastKillTime.Time).To(BeTemporally("==", noon))
	})

	DescribeTable("of a sidecar, or of an init container", func(ctx SpecContext, policy *corev1.ContainerRestartPolicy, records int) {
		w := newWorld(ctx, func(d *appsv1.Deployment, s *v1alpha1.ClusterScaler) {
			d.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "konnectivity", Image: "example.com/k:1", Resources: memory("256Mi", "512Mi"), RestartPolicy: policy}}
			s.Spec.Components[0].Target.Container = "konnectivity"
		})
		w.kill(ctx, main+"-0", dead{container: "konnectivity"})
		w.settle(ctx)
		Expect(w.records(ctx)).To(HaveLen(records))
		if records == 0 {
			Expect(w.condition(ctx, v1alpha1.ConditionReady).Message).To(ContainSubstring(`has no container "konnectivity": set target.container to one of kube-apiserver, proxy`))
		}
	},
		Entry("is answered: the sidecar runs as long as the pod", new(corev1.ContainerRestartPolicyAlways), 1),
		Entry("is refused: an init container has come to its end", nil, 0),
	)

	It("with another exit code was a child's, and asks for nothing", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.kill(ctx, main+"-0", dead{exitCode: 1})
		w.settle(ctx)
		Expect(w.records(ctx)).To(BeEmpty())
		Expect(w.component(ctx).OOM.Answered[0].Class).To(Equal(decision.KillNotOOM))
	})

	It("that happened at the size before the last resize is not answered again", func(ctx SpecContext) {
		w := newWorld(ctx)
		w.kill(ctx, main+"-0", dead{})
		w.settle(ctx)
		w.after(time.Second)
		w.kill(ctx, main+"-1", dead{}) // reported as of the same second as the resize
		w.settle(ctx)
		w.answeredOnce(ctx)
		Expect(w.component(ctx).OOM.Answered).To(HaveLen(2))
	})

	It("far below the limit, on a node that is short of memory, raises the request; when it repeats, it is the container's", func(ctx SpecContext) {
		w := newWorld(ctx)
		node := &corev1.Node{}
		Expect(cl.Get(ctx, client.ObjectKey{Name: "node-1"}, node)).To(Succeed())
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionTrue}}
		Expect(cl.Status().Update(ctx, node)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			Expect(cl.Get(ctx, client.ObjectKey{Name: "node-1"}, node)).To(Succeed())
			node.Status.Conditions = nil
			Expect(cl.Status().Update(ctx, node)).To(Succeed())
		})
		w.used.last = &usage.Usage{MeasuredAt: noon.Add(-10 * time.Second), Amounts: size.Amounts{Memory: size.Of(100 * size.MiB)}}
		w.kill(ctx, main+"-0", dead{})
		w.settle(ctx)
		records := w.records(ctx)
		Expect(records).To(HaveLen(1))
		Expect(records[0].Spec.Reason).To(Equal(decision.ReasonNodeOutOfMemory))
		Expect(w.limits(ctx)).To(HaveEach("512Mi"))
		Expect(records[0].Spec.To.Requests.Memory.String()).To(Equal("384Mi"))

		w.after(5 * time.Minute)
		w.used.last.MeasuredAt = w.clock.Now().Add(-10 * time.Second)
		w.kill(ctx, main+"-0", dead{})
		w.settle(ctx)
		Expect(w.records(ctx)[1].Spec.Reason).To(Equal(decision.ReasonOOMKilled))
	})
})
