package actuate_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/actuate"
	"github.com/metapilot/metapilot/test/sandbox"
)

const newImage = "example.com/main:2"

func setImage(t *corev1.PodTemplateSpec) { t.Spec.Containers[1].Image = newImage }

func setSize(m amount) func(*corev1.PodTemplateSpec) {
	return func(t *corev1.PodTemplateSpec) { t.Spec.Containers[1].Resources = m.resources() }
}

// inTheMiddle advances to the point at which the intent is on the workload and one more write was made.
func inTheMiddle(ctx context.Context, kind v1alpha1.TargetKind) *world {
	GinkgoHelper()
	w := newWorld(ctx, kind)
	// Three resizes, then the intent, then the ReplicaSet or the label of the first pod.
	w.untilDeath(ctx, newDying(5, true))
	Expect(actuate.Converging(w.get(ctx))).To(BeTrue())
	// Whoever edits now does so after the decision, to the second.
	w.record.Spec.DecidedAt = metav1.NewMicroTime(w.record.Spec.DecidedAt.Add(-time.Second))
	return w
}

// guaranteed gives every container equal requests and limits.
func guaranteed(o client.Object) {
	t := &o.(*appsv1.Deployment).Spec.Template
	list := corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("256Mi")}
	for i := range t.Spec.Containers {
		t.Spec.Containers[i].Resources = corev1.ResourceRequirements{Requests: list, Limits: list}
	}
}

// applied applies an object server-side.
func applied(ctx context.Context, o map[string]any, owner string) {
	GinkgoHelper()
	u := &unstructured.Unstructured{Object: o}
	Expect(cl.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(owner), client.ForceOwnership)).To(Succeed())
}

// fails advances until the record fails, and gives its progress.
func (w *world) fails(ctx context.Context, a *actuate.Actuator) actuate.Progress {
	GinkgoHelper()
	var last actuate.Progress
	Eventually(func() (v1alpha1.RecordPhase, error) {
		p, err := w.advance(ctx, a)
		last = p
		return p.Phase, err
	}).WithContext(ctx).Should(Equal(v1alpha1.PhaseFailed))
	return last
}

var _ = Describe("somebody changes the template in the middle", func() {
	DescribeTable("their image is rolled out, and the size is brought in line with it afterwards",
		append([]any{func(ctx SpecContext, kind v1alpha1.TargetKind) {
			w := inTheMiddle(ctx, kind)
			w.editTemplate(ctx, setImage)
			w.until(ctx, newActuator(cl), v1alpha1.PhaseWatching)
			Eventually(func(g Gomega) {
				w.untouched(ctx, g)
				g.Expect(w.template(ctx).Spec.Containers[1].Image).To(Equal(newImage))
				sized(g, &w.template(ctx).Spec, after)
				for _, pod := range w.living(ctx) {
					g.Expect(pod.Spec.Containers[1].Image).To(Equal(newImage))
					sized(g, &pod.Spec, after)
				}
			}).WithContext(ctx).Should(Succeed())
		}}, kinds...)...)

	It("the next look resumes the deployment and leaves their template as it is", func(ctx SpecContext) {
		w := inTheMiddle(ctx, v1alpha1.TargetDeployment)
		w.editTemplate(ctx, setImage)
		p, err := w.advance(ctx, newActuator(cl))
		Expect(err).NotTo(HaveOccurred())
		Expect(p.Message).To(Equal("somebody changed the template meanwhile; their rollout goes first"))
		d := w.deployment(ctx)
		Expect(actuate.Converging(d)).To(BeFalse())
		Expect(d.Spec.Paused).To(BeFalse())
		sized(Default, &d.Spec.Template.Spec, before)
	})

	DescribeTable("their size is kept, and the record fails",
		append([]any{func(ctx SpecContext, kind v1alpha1.TargetKind) {
			theirs := amount{"300m", "300Mi", "300Mi"}
			w := inTheMiddle(ctx, kind)
			w.editTemplate(ctx, setSize(theirs))
			p := w.fails(ctx, newActuator(cl))
			Expect(p.Reason).To(Equal(decision.ReasonTemplateChanged))
			Expect(p.Message).To(ContainSubstring("it is kept"))
			Eventually(func(g Gomega) {
				w.untouched(ctx, g)
				sized(g, &w.template(ctx).Spec, theirs)
				for _, pod := range w.living(ctx) {
					sized(g, &pod.Spec, theirs)
				}
			}).WithContext(ctx).Should(Succeed())
		}}, kinds...)...)

	DescribeTable("without a record, their change goes first and nothing is left behind",
		append([]any{func(ctx SpecContext, kind v1alpha1.TargetKind) {
			w := inTheMiddle(ctx, kind)
			w.editTemplate(ctx, setImage)
			w.recovered(ctx)
			Eventually(func(g Gomega) {
				w.untouched(ctx, g)
				g.Expect(w.template(ctx).Spec.Containers[1].Image).To(Equal(newImage))
			}).WithContext(ctx).Should(Succeed())
		}}, kinds...)...)

	It("puts a statefulset's old size back: it is kept, and no pod is restarted for it", func(ctx SpecContext) {
		w := inTheMiddle(ctx, v1alpha1.TargetStatefulSet)
		w.editTemplate(ctx, setSize(before))
		Expect(w.fails(ctx, newActuator(cl)).Reason).To(Equal(decision.ReasonTemplateChanged))
		Eventually(func(g Gomega) {
			w.untouched(ctx, g)
			w.samePods(ctx, g)
			sized(g, &w.template(ctx).Spec, before)
		}).WithContext(ctx).Should(Succeed())
	})

	It("scales a deployment in the middle: the new pods get the size too", func(ctx SpecContext) {
		w := inTheMiddle(ctx, v1alpha1.TargetDeployment)
		w.edit(ctx, func(o client.Object) { o.(*appsv1.Deployment).Spec.Replicas = ptr.To(int32(5)) })
		w.until(ctx, newActuator(cl), v1alpha1.PhaseWatching)
		Eventually(func(g Gomega) {
			w.untouched(ctx, g)
			g.Expect(w.replicaSets(ctx)).To(HaveLen(1))
			pods := w.living(ctx)
			g.Expect(pods).To(HaveLen(5))
			old := 0
			for _, pod := range pods {
				if _, ok := w.pods[string(pod.UID)]; ok {
					old++
				}
			}
			g.Expect(old).To(Equal(3))
			sized(g, &w.template(ctx).Spec, after)
		}).WithContext(ctx).Should(Succeed())
	})

	It("deletes a pod of a statefulset in the middle: its successor has the size, the others stay", func(ctx SpecContext) {
		w := inTheMiddle(ctx, v1alpha1.TargetStatefulSet)
		victim := w.living(ctx)[2]
		Expect(cl.Delete(ctx, &victim)).To(Succeed())
		w.until(ctx, newActuator(cl), v1alpha1.PhaseWatching)
		Eventually(func(g Gomega) {
			w.untouched(ctx, g)
			pods := w.living(ctx)
			g.Expect(pods).To(HaveLen(3))
			for _, pod := range pods {
				sized(g, &pod.Spec, after)
				_, same := w.pods[string(pod.UID)]
				g.Expect(same).To(Equal(pod.Name != victim.Name), pod.Name)
			}
		}).WithContext(ctx).Should(Succeed())
	})

	It("resumes the deployment in the middle: the size is brought in line all the same", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetDeployment)
		w.untilDeath(ctx, newDying(5, false)) // paused, nothing else
		w.edit(ctx, func(o client.Object) { o.(*appsv1.Deployment).Spec.Paused = false })
		w.until(ctx, newActuator(cl), v1alpha1.PhaseWatching)
		w.convergedQuietly(ctx, after)
	})
})

var _ = Describe("what is there already", func() {
	It("waits for a rollout under way, then converges", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetDeployment)
		a := newActuator(cl)
		w.until(ctx, a, v1alpha1.PhaseConverging)
		w.editTemplate(ctx, func(t *corev1.PodTemplateSpec) {
			setImage(t)
			t.Spec.NodeSelector = map[string]string{"no": "node"}
		})
		Consistently(func(g Gomega) {
			p, err := w.advance(ctx, a)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(p.Phase).To(Equal(v1alpha1.PhaseConverging))
			g.Expect(actuate.Converging(w.get(ctx))).To(BeFalse())
		}).WithContext(ctx).Should(Succeed())
		w.editTemplate(ctx, func(t *corev1.PodTemplateSpec) { t.Spec.NodeSelector = nil })
		w.until(ctx, a, v1alpha1.PhaseWatching)
		Eventually(func(g Gomega) {
			w.untouched(ctx, g)
			sized(g, &w.template(ctx).Spec, after)
		}).WithContext(ctx).Should(Succeed())
	})

	It("does not touch a deployment that somebody else has paused", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetDeployment)
		w.edit(ctx, func(o client.Object) { o.(*appsv1.Deployment).Spec.Paused = true })
		a := newActuator(cl)
		w.until(ctx, a, v1alpha1.PhaseConverging)
		version := ""
		Consistently(func(g Gomega) {
			p, err := w.advance(ctx, a)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(p.Reason).To(Equal(decision.ReasonPausedByOthers))
			d := w.deployment(ctx)
			g.Expect(d.Spec.Paused).To(BeTrue())
			if d.Status.ObservedGeneration == d.Generation {
				if version == "" {
					version = d.ResourceVersion
				}
				g.Expect(d.ResourceVersion).To(Equal(version))
			}
		}).WithContext(ctx).Should(Succeed())
		w.recovered(ctx)
		Expect(w.deployment(ctx).Spec.Paused).To(BeTrue())
		w.edit(ctx, func(o client.Object) { o.(*appsv1.Deployment).Spec.Paused = false })
		w.until(ctx, a, v1alpha1.PhaseWatching)
		w.convergedQuietly(ctx, after)
	})

	It("keeps the history: no old revision is deleted to make room while the templates differ", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetDeployment, func(o client.Object) {
			o.(*appsv1.Deployment).Spec.RevisionHistoryLimit = ptr.To(int32(1))
		})
		w.editTemplate(ctx, setImage)
		Eventually(func(g Gomega) {
			w.settled(ctx, g)
			g.Expect(w.replicaSets(ctx)).To(HaveLen(2))
		}).WithContext(ctx).Should(Succeed())
		w.record = w.newRecord("r1", before, after)
		w.until(ctx, newActuator(cl), v1alpha1.PhaseWatching)
		Expect(w.replicaSets(ctx)).To(HaveLen(2))
		Expect(w.deployment(ctx).Spec.RevisionHistoryLimit).To(HaveValue(BeEquivalentTo(1)))
	})

	It("keeps a statefulset's partition", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetStatefulSet, func(o client.Object) {
			o.(*appsv1.StatefulSet).Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{
				Type:          appsv1.RollingUpdateStatefulSetStrategyType,
				RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr.To(int32(2))},
			}
		})
		w.until(ctx, newActuator(cl), v1alpha1.PhaseWatching)
		w.convergedQuietly(ctx, after)
		Expect(w.statefulSet(ctx).Spec.UpdateStrategy.RollingUpdate.Partition).To(HaveValue(BeEquivalentTo(2)))
		w.bornLike(ctx, after)
	})

	DescribeTable("tells who undid it", append([]any{func(ctx SpecContext, kind v1alpha1.TargetKind) {
		w := newWorld(ctx, kind)
		a := newActuator(cl)
		w.until(ctx, a, v1alpha1.PhaseWatching)
		w.editTemplate(ctx, setSize(before))
		p, err := w.advance(ctx, a)
		Expect(err).NotTo(HaveOccurred())
		Expect(p.Reason).To(Equal(decision.ReasonReverted))
		Expect(p.Message).To(HavePrefix("kubectl-edit, at "))
	}}, kinds...)...)
})

var _ = Describe("what a node will not do", func() {
	pending := func(ctx context.Context, w *world, mode sandbox.ResizeMode) {
		GinkgoHelper()
		Expect(box.SetResizeMode(ctx, w.ns, w.living(ctx)[1].Name, mode)).To(Succeed())
	}

	DescribeTable("Infeasible becomes a rolling update", append([]any{func(ctx SpecContext, kind v1alpha1.TargetKind) {
		w := newWorld(ctx, kind)
		pending(ctx, w, sandbox.ResizeInfeasible)
		w.until(ctx, newActuator(cl), v1alpha1.PhaseWatching)
		Expect(w.steps()).To(Equal([]v1alpha1.TimelineStep{v1alpha1.StepResized, v1alpha1.StepFallback, v1alpha1.StepRolledOut}))
		Eventually(func(g Gomega) {
			w.untouched(ctx, g)
			for _, pod := range w.living(ctx) {
				sized(g, &pod.Spec, after)
				g.Expect(w.pods).NotTo(HaveKey(string(pod.UID)))
			}
		}).WithContext(ctx).Should(Succeed())
	}}, kinds...)...)

	It("Deferred waits for its time, then becomes a rolling update", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetDeployment)
		pending(ctx, w, sandbox.ResizeDeferred)
		clock := testingclock.NewFakeClock(time.Now())
		a := &actuate.Actuator{Client: cl, Clock: clock}
		Eventually(func(g Gomega) {
			p, err := w.advance(ctx, a)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(p.Reason).To(Equal(decision.ReasonResizeDeferred))
			g.Expect(p.RequeueAfter).To(Equal(time.Minute))
		}).WithContext(ctx).Should(Succeed())
		clock.Step(59 * time.Second)
		p, err := w.advance(ctx, a)
		Expect(err).NotTo(HaveOccurred())
		Expect(p.Phase).To(Equal(v1alpha1.PhaseResizing))
		Expect(p.RequeueAfter).To(Equal(time.Second))
		clock.Step(time.Second)
		p, err = w.advance(ctx, a)
		Expect(err).NotTo(HaveOccurred())
		Expect(p.Phase).To(Equal(v1alpha1.PhaseRollingOut))
		w.until(ctx, newActuator(cl), v1alpha1.PhaseWatching)
	})

	It("Deferred that finds room is resized after all", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetDeployment)
		pending(ctx, w, sandbox.ResizeDeferred)
		a := newActuator(cl)
		Eventually(func(g Gomega) {
			p, err := w.advance(ctx, a)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(p.Reason).To(Equal(decision.ReasonResizeDeferred))
		}).WithContext(ctx).Should(Succeed())
		for _, pod := range w.living(ctx) {
			Expect(box.SetResizeMode(ctx, w.ns, pod.Name, sandbox.ResizeNormal)).To(Succeed())
		}
		w.until(ctx, a, v1alpha1.PhaseWatching)
		w.convergedQuietly(ctx, after)
	})

	It("Infeasible with the template left to its owner fails and touches no template", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetDeployment)
		pending(ctx, w, sandbox.ResizeInfeasible)
		w.record.Spec.Actuation.Template = v1alpha1.TemplateLeave
		Expect(w.fails(ctx, newActuator(cl)).Reason).To(Equal(decision.ReasonResizeInfeasible))
		sized(Default, &w.template(ctx).Spec, before)
	})

	It("a rollout that finds no node is undone", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetDeployment)
		w.record = w.newRecord("r1", before, amount{"100m", "400Gi", "400Gi"}) // larger than any node
		clock := testingclock.NewFakeClock(time.Now())
		a := &actuate.Actuator{Client: cl, Clock: clock}
		w.until(ctx, a, v1alpha1.PhaseRollingOut)
		Eventually(func(g Gomega) {
			p, err := w.advance(ctx, a)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(p.Phase).To(Equal(v1alpha1.PhaseRollingOut))
			unschedulable := 0
			for _, pod := range w.living(ctx) {
				for _, c := range pod.Status.Conditions {
					if c.Reason == corev1.PodReasonUnschedulable {
						unschedulable++
					}
				}
			}
			g.Expect(unschedulable).To(BeNumerically(">", 0))
		}).WithContext(ctx).Should(Succeed())
		clock.Step(time.Hour)
		Expect(w.fails(ctx, a).Reason).To(Equal(decision.ReasonRolloutStuck))
		Eventually(func(g Gomega) {
			w.untouched(ctx, g)
			sized(g, &w.template(ctx).Spec, before)
		}).WithContext(ctx).Should(Succeed())
	})

	It("a quota in the way fails and says so, without a rollout", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetDeployment, guaranteed)
		both := v1alpha1.ResourceAmounts{Memory: ptr.To(resource.MustParse("1Gi"))}
		w.record.Spec.To = v1alpha1.Size{Requests: &both, Limits: &both}
		Expect(cl.Create(ctx, &corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "tight"},
			Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"limits.memory": resource.MustParse("2500Mi")}},
		})).To(Succeed())
		Eventually(func(g Gomega) {
			var q corev1.ResourceQuota
			g.Expect(cl.Get(ctx, client.ObjectKey{Namespace: w.ns, Name: "tight"}, &q)).To(Succeed())
			g.Expect(q.Status.Used).NotTo(BeEmpty())
		}).WithContext(ctx).Should(Succeed())
		p := w.fails(ctx, newActuator(cl))
		Expect(p.Reason).To(Equal(decision.ReasonResizeRefused))
		Expect(p.Message).To(ContainSubstring("exceeded quota"))
		Expect(w.template(ctx).Spec.Containers[1].Resources.Limits.Memory().String()).To(Equal("256Mi"))
	})
})

var _ = Describe("containers", func() {
	sidecar := func(o client.Object) {
		t := template()
		t.Spec.InitContainers = []corev1.Container{{
			Name: "proxy", Image: "example.com/proxy:1", RestartPolicy: ptr.To(corev1.ContainerRestartPolicyAlways), Resources: before.resources(),
		}}
		switch w := o.(type) {
		case *appsv1.Deployment:
			w.Spec.Template = t
		case *appsv1.StatefulSet:
			w.Spec.Template = t
		}
	}

	DescribeTable("a sidecar is resized like any other", append([]any{func(ctx SpecContext, kind v1alpha1.TargetKind) {
		w := newWorld(ctx, kind, sidecar)
		w.record.Spec.Target.Container = "proxy"
		w.until(ctx, newActuator(cl), v1alpha1.PhaseWatching)
		Eventually(func(g Gomega) {
			w.untouched(ctx, g)
			w.samePods(ctx, g)
			specs := []corev1.PodSpec{w.template(ctx).Spec}
			for _, pod := range w.living(ctx) {
				specs = append(specs, pod.Spec)
			}
			for _, spec := range specs {
				sized(g, &spec, before)
				g.Expect(spec.InitContainers[0].Resources.Limits.Memory().String()).To(Equal(after.limit))
			}
		}).WithContext(ctx).Should(Succeed())
		Expect(w.steps()).To(ContainElement(v1alpha1.StepConverged))
	}}, kinds...)...)

	It("a Guaranteed pod stays Guaranteed", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetDeployment, guaranteed)
		both := v1alpha1.ResourceAmounts{CPU: ptr.To(resource.MustParse("200m")), Memory: ptr.To(resource.MustParse("1Gi"))}
		w.record.Spec.From = v1alpha1.Size{
			Requests: &v1alpha1.ResourceAmounts{CPU: ptr.To(resource.MustParse("100m")), Memory: ptr.To(resource.MustParse("256Mi"))},
			Limits:   &v1alpha1.ResourceAmounts{CPU: ptr.To(resource.MustParse("100m")), Memory: ptr.To(resource.MustParse("256Mi"))},
		}
		w.record.Spec.To = v1alpha1.Size{Requests: &both, Limits: &both}
		w.until(ctx, newActuator(cl), v1alpha1.PhaseWatching)
		for _, pod := range w.living(ctx) {
			Expect(pod.Status.QOSClass).To(Equal(corev1.PodQOSGuaranteed))
			Expect(pod.Spec.Containers[1].Resources.Requests.Memory().String()).To(Equal("1Gi"))
		}
		Expect(w.replicaSets(ctx)).To(HaveLen(1))
	})

	It("a size that would change the class fails before anything is written", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetDeployment, guaranteed)
		w.record.Spec.To = v1alpha1.Size{Limits: &v1alpha1.ResourceAmounts{Memory: ptr.To(resource.MustParse("1Gi"))}}
		d := newDying(0, false)
		Expect(w.fails(ctx, newActuator(d)).Reason).To(Equal(decision.ReasonQOSClassWouldChange))
		Expect(d.writes).To(BeZero())
	})

	It("a container that is not there is an error that says so", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetDeployment)
		w.record.Spec.Target.Container = "nobody"
		p := w.fails(ctx, newActuator(cl))
		Expect(p.Reason).To(Equal(decision.ReasonContainerNotFound))
		Expect(p.Message).To(Equal(`no pod of Deployment it has a container or sidecar "nobody": correct target.container`))
	})

	It("a pod that has vanished is no error, and a size that is there already costs no write", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetStatefulSet)
		stale := w.living(ctx)
		Expect(cl.Delete(ctx, &stale[0])).To(Succeed())
		Eventually(func(g Gomega) { w.settled(ctx, g); g.Expect(w.living(ctx)).To(HaveLen(3)) }).WithContext(ctx).Should(Succeed())
		a := newActuator(cl)
		p, err := a.Advance(ctx, actuate.Change{Record: w.record, Pods: stale})
		Expect(err).NotTo(HaveOccurred())
		Expect(p.Phase).To(Equal(v1alpha1.PhaseResizing), p.Message)
		d := newDying(0, false)
		_, err = newActuator(d).Advance(ctx, actuate.Change{Record: w.record, Pods: w.living(ctx)})
		Expect(err).NotTo(HaveOccurred())
		Expect(d.writes).To(Equal(1), "only the pod that was born since needed the size")
	})
})

var _ = Describe("whose the size is", func() {
	It("is nobody else's after kubectl create and kubectl edit, and its applier's after server-side apply", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetDeployment)
		w.editTemplate(ctx, setImage)
		_, found := actuate.ForeignOwner(w.get(ctx), "main")
		Expect(found).To(BeFalse())

		main := map[string]any{"name": "main", "resources": map[string]any{"limits": map[string]any{"memory": "300Mi"}}}
		apply := map[string]any{
			"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"namespace": w.ns, "name": name},
			"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{main}}}},
		}
		applied(ctx, apply, "somebodys-operator")
		owner, found := actuate.ForeignOwner(w.get(ctx), "main")
		Expect(found).To(BeTrue())
		Expect(owner).To(Equal(`field manager "somebodys-operator" (server-side apply)`))
		_, found = actuate.ForeignOwner(w.get(ctx), "first")
		Expect(found).To(BeFalse(), "another container of the workload is not theirs")
	})
})
