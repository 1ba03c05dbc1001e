package actuate_test

import (
	"context"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/test/sandbox/components"
)

// The controllers are so quick that a step that does not wait for them mostly comes out right all the same. Here
// kube-controller-manager is stopped at the moment that matters: whatever is written until it goes on was not waited for.

func controllerManager() int {
	GinkgoHelper()
	state, err := box.State()
	Expect(err).NotTo(HaveOccurred())
	for _, c := range state.Components {
		if c.Name == components.ControllerManager {
			return c.Process.PID
		}
	}
	Fail("the sandbox has no kube-controller-manager")
	return 0
}

func freeze(pid int) {
	GinkgoHelper()
	Expect(syscall.Kill(pid, syscall.SIGSTOP)).To(Succeed())
	DeferCleanup(syscall.Kill, pid, syscall.SIGCONT)
}

// freezing is a client that stops the controllers right before the first write that is due.
func freezing(due func(obj client.Object) bool) (client.Client, *bool) {
	pid, frozen := controllerManager(), false
	return interceptor.NewClient(cl, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			if !frozen && due(obj) {
				freeze(pid)
				frozen = true
			}
			return c.Patch(ctx, obj, patch, opts...)
		},
	}), &frozen
}

var _ = Describe("controllers that have not seen the step before", Serial, func() {
	type scene struct {
		kind   v1alpha1.TargetKind
		due    func(obj client.Object) bool
		expect func(ctx context.Context, g Gomega, w *world)
	}

	DescribeTable("are waited for", func(ctx SpecContext, s scene) {
		w := newWorld(ctx, s.kind)
		c, frozen := freezing(s.due)
		a := newActuator(c)
		Eventually(func(g Gomega) {
			_, err := w.advance(ctx, a)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(*frozen).To(BeTrue())
		}).WithContext(ctx).Should(Succeed())
		Consistently(func(g Gomega) {
			_, err := w.advance(ctx, a)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(w.record.Status.Phase).To(Equal(v1alpha1.PhaseConverging))
			s.expect(ctx, g, w)
		}).WithContext(ctx).Should(Succeed())
		Expect(syscall.Kill(controllerManager(), syscall.SIGCONT)).To(Succeed())
		w.until(ctx, a, v1alpha1.PhaseWatching)
		w.convergedQuietly(ctx, after)
	},
		Entry("the pause, before the ReplicaSet is written", scene{
			kind: v1alpha1.TargetDeployment,
			due:  func(obj client.Object) bool { _, ok := obj.(*appsv1.Deployment); return ok },
			expect: func(ctx context.Context, g Gomega, w *world) {
				g.Expect(w.deployment(ctx).Spec.Paused).To(BeTrue())
				sized(g, &w.replicaSets(ctx)[0].Spec.Template.Spec, before)
			},
		}),
		Entry("the ReplicaSet, before the Deployment is written", scene{
			kind: v1alpha1.TargetDeployment,
			due:  func(obj client.Object) bool { _, ok := obj.(*appsv1.ReplicaSet); return ok },
			expect: func(ctx context.Context, g Gomega, w *world) {
				sized(g, &w.replicaSets(ctx)[0].Spec.Template.Spec, after)
				sized(g, &w.template(ctx).Spec, before)
				g.Expect(w.deployment(ctx).Spec.Paused).To(BeTrue())
			},
		}),
		Entry("the template of a StatefulSet, before its pods are labelled", scene{
			kind: v1alpha1.TargetStatefulSet,
			due:  func(obj client.Object) bool { _, ok := obj.(*appsv1.StatefulSet); return ok },
			expect: func(ctx context.Context, g Gomega, w *world) {
				g.Expect(w.statefulSet(ctx).Spec.UpdateStrategy.Type).To(Equal(appsv1.OnDeleteStatefulSetStrategyType))
				for _, pod := range w.living(ctx) {
					g.Expect(pod.Labels[appsv1.StatefulSetRevisionLabel]).To(Equal(w.statefulSet(ctx).Status.CurrentRevision))
				}
			},
		}),
		Entry("the labels, before the strategy is put back", scene{
			kind: v1alpha1.TargetStatefulSet,
			due: func(obj client.Object) bool {
				_, set := obj.(*appsv1.StatefulSet)
				return !set
			},
			expect: func(ctx context.Context, g Gomega, w *world) {
				s := w.statefulSet(ctx)
				g.Expect(s.Spec.UpdateStrategy.Type).To(Equal(appsv1.OnDeleteStatefulSetStrategyType))
				for _, pod := range w.living(ctx) {
					g.Expect(pod.Labels[appsv1.StatefulSetRevisionLabel]).To(Equal(s.Status.UpdateRevision))
				}
			},
		}),
	)
})
