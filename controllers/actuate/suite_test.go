package actuate_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/actuate"
	"github.com/metapilot/metapilot/test/sandbox"
)

// The suite runs against real controllers: what matters here is what they make of the steps, and when.

var (
	box *sandbox.Sandbox
	cl  client.WithWatch
)

func TestActuate(t *testing.T) {
	RegisterFailHandler(Fail)
	EnforceDefaultTimeoutsWhenUsingContexts()
	SetDefaultEventuallyTimeout(20 * time.Second)
	SetDefaultEventuallyPollingInterval(30 * time.Millisecond)
	SetDefaultConsistentlyDuration(3 * time.Second)
	SetDefaultConsistentlyPollingInterval(100 * time.Millisecond)
	RunSpecs(t, "actuate")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	box, err = sandbox.Start(ctx, sandbox.Options{Controllers: true, Nodes: 3, Progress: os.Stderr})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(box.Stop()).To(Succeed()) })
	cl, err = client.NewWithWatch(box.RESTConfig(), client.Options{Scheme: scheme.Scheme})
	Expect(err).NotTo(HaveOccurred())
})

// amount is CPU request, memory request and memory limit of the test container.
type amount struct{ cpu, request, limit string }

var (
	before = amount{"100m", "128Mi", "256Mi"}
	after  = amount{"150m", "512Mi", "1Gi"}
)

func (m amount) resources() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{"cpu": resource.MustParse(m.cpu), "memory": resource.MustParse(m.request)},
		Limits:   corev1.ResourceList{"memory": resource.MustParse(m.limit)},
	}
}

func (m amount) size() v1alpha1.Size {
	r := m.resources()
	return v1alpha1.Size{
		Requests: &v1alpha1.ResourceAmounts{CPU: ptr.To(r.Requests["cpu"]), Memory: ptr.To(r.Requests["memory"])},
		Limits:   &v1alpha1.ResourceAmounts{Memory: ptr.To(r.Limits["memory"])},
	}
}

// template is a pod of three containers; that to be resized is in the middle, so that a patch which reorders shows.
func template() corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "it"}},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: ptr.To(int64(0)),
			Containers: []corev1.Container{
				{Name: "first", Image: "example.com/first:1", Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{"cpu": resource.MustParse("10m")},
				}},
				{Name: "main", Image: "example.com/main:1", Resources: before.resources()},
				{Name: "last", Image: "example.com/last:1", Resources: corev1.ResourceRequirements{
					Limits: corev1.ResourceList{"memory": resource.MustParse("64Mi")},
				}},
			},
		},
	}
}

// world is one workload in a namespace of its own, with the pods it began with.
type world struct {
	ns     string
	kind   v1alpha1.TargetKind
	pods   map[string]corev1.Pod // by UID, at the start
	record *v1alpha1.ScalingRecord
}

const name = "it"

var worlds int

// newWorld makes a workload of three ready pods, and a record that wants it larger.
func newWorld(ctx context.Context, kind v1alpha1.TargetKind, change ...func(client.Object)) *world {
	GinkgoHelper()
	worlds++
	w := &world{ns: fmt.Sprintf("w%d", worlds), kind: kind}
	Expect(cl.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.ns}})).To(Succeed())
	obj := w.object()
	obj.SetName(name)
	obj.SetNamespace(w.ns)
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "it"}}
	switch o := obj.(type) {
	case *appsv1.Deployment:
		o.Spec = appsv1.DeploymentSpec{Replicas: ptr.To(int32(3)), Selector: selector, Template: template()}
	case *appsv1.StatefulSet:
		o.Spec = appsv1.StatefulSetSpec{
			Replicas: ptr.To(int32(3)), Selector: selector, Template: template(), ServiceName: name, PodManagementPolicy: appsv1.ParallelPodManagement,
		}
	}
	for _, f := range change {
		f(obj)
	}
	Expect(cl.Create(ctx, obj, client.FieldOwner("kubectl-create"))).To(Succeed())
	Eventually(func(g Gomega) { w.settled(ctx, g) }).WithContext(ctx).Should(Succeed())
	w.pods = map[string]corev1.Pod{}
	for _, pod := range w.living(ctx) {
		w.pods[string(pod.UID)] = pod
	}
	w.record = w.newRecord("r1", before, after)
	return w
}

func (w *world) object() client.Object {
	if w.kind == v1alpha1.TargetDeployment {
		return &appsv1.Deployment{}
	}
	return &appsv1.StatefulSet{}
}

func (w *world) newRecord(id string, from, to amount) *v1alpha1.ScalingRecord {
	return &v1alpha1.ScalingRecord{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: id},
		Spec: v1alpha1.ScalingRecordSpec{
			Target: v1alpha1.Target{Kind: w.kind, Name: name, Container: "main"},
			From:   from.size(), To: to.size(), DecidedAt: metav1.NowMicro(),
			Actuation: &v1alpha1.RecordActuation{
				Type: v1alpha1.ActuationInPlace, Template: v1alpha1.TemplateConverge,
				FallbackAfterSeconds: ptr.To(int32(60)), WatchSeconds: ptr.To(int32(600)),
			},
		},
		Status: v1alpha1.ScalingRecordStatus{Phase: v1alpha1.PhaseBegun},
	}
}

func (w *world) living(ctx context.Context) []corev1.Pod {
	GinkgoHelper()
	var pods, living corev1.PodList
	Expect(cl.List(ctx, &pods, client.InNamespace(w.ns))).To(Succeed())
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil {
			living.Items = append(living.Items, pod)
		}
	}
	return living.Items
}

func (w *world) get(ctx context.Context) client.Object {
	GinkgoHelper()
	obj := w.object()
	Expect(cl.Get(ctx, client.ObjectKey{Namespace: w.ns, Name: name}, obj)).To(Succeed())
	return obj
}

func (w *world) deployment(ctx context.Context) *appsv1.Deployment {
	GinkgoHelper()
	return w.get(ctx).(*appsv1.Deployment)
}

func (w *world) statefulSet(ctx context.Context) *appsv1.StatefulSet {
	GinkgoHelper()
	return w.get(ctx).(*appsv1.StatefulSet)
}

func (w *world) template(ctx context.Context) *corev1.PodTemplateSpec {
	GinkgoHelper()
	switch o := w.get(ctx).(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template
	case *appsv1.StatefulSet:
		return &o.Spec.Template
	}
	return nil
}

// edit changes the workload as a person would, with kubectl edit.
func (w *world) edit(ctx context.Context, change func(client.Object)) {
	GinkgoHelper()
	Eventually(func() error {
		obj := w.get(ctx)
		change(obj)
		return cl.Update(ctx, obj, client.FieldOwner("kubectl-edit"))
	}).WithContext(ctx).Should(Succeed())
}

func (w *world) editTemplate(ctx context.Context, change func(*corev1.PodTemplateSpec)) {
	GinkgoHelper()
	w.edit(ctx, func(obj client.Object) {
		switch o := obj.(type) {
		case *appsv1.Deployment:
			change(&o.Spec.Template)
		case *appsv1.StatefulSet:
			change(&o.Spec.Template)
		}
	})
}

func newActuator(c client.Client) *actuate.Actuator {
	return &actuate.Actuator{Client: c, Clock: clock.RealClock{}}
}

// advance calls Advance once, and writes what it says into the record.
func (w *world) advance(ctx context.Context, a *actuate.Actuator) (actuate.Progress, error) {
	GinkgoHelper()
	p, err := a.Advance(ctx, actuate.Change{Record: w.record, Pods: w.living(ctx)})
	if err != nil {
		return p, err
	}
	w.record.Status.Phase, w.record.Status.Message = p.Phase, p.Message
	w.record.Status.Timeline = append(w.record.Status.Timeline, p.Steps...)
	return p, nil
}

// until calls Advance until the record is in the phase.
func (w *world) until(ctx context.Context, a *actuate.Actuator, phase v1alpha1.RecordPhase) {
	GinkgoHelper()
	Eventually(func() (string, error) {
		p, err := w.advance(ctx, a)
		return fmt.Sprintf("%s: %s", p.Phase, p.Message), err
	}).WithContext(ctx).Should(HavePrefix(string(phase) + ":"))
}

func (w *world) steps() []v1alpha1.TimelineStep {
	var steps []v1alpha1.TimelineStep
	for _, e := range w.record.Status.Timeline {
		steps = append(steps, e.Step)
	}
	return steps
}

// settled expects the workload at rest: every pod ready and of the latest revision, as the controller sees it.
func (w *world) settled(ctx context.Context, g Gomega) {
	GinkgoHelper()
	obj := w.object()
	g.Expect(cl.Get(ctx, client.ObjectKey{Namespace: w.ns, Name: name}, obj)).To(Succeed())
	switch o := obj.(type) {
	case *appsv1.Deployment:
		g.Expect(o.Status.ObservedGeneration).To(Equal(o.Generation))
		g.Expect([]int32{o.Status.Replicas, o.Status.UpdatedReplicas, o.Status.AvailableReplicas}).To(HaveEach(*o.Spec.Replicas))
	case *appsv1.StatefulSet:
		g.Expect(o.Status.ObservedGeneration).To(Equal(o.Generation))
		g.Expect([]int32{o.Status.Replicas, o.Status.UpdatedReplicas, o.Status.AvailableReplicas}).To(HaveEach(*o.Spec.Replicas))
		g.Expect(o.Status.CurrentRevision).To(Equal(o.Status.UpdateRevision))
	}
}

// untouched expects nothing left behind: no intent, no pause, the old strategy, one revision that all pods are of.
func (w *world) untouched(ctx context.Context, g Gomega) {
	GinkgoHelper()
	w.settled(ctx, g)
	obj := w.get(ctx)
	g.Expect(obj.GetAnnotations()).NotTo(HaveKey(actuate.AnnotationIntent))
	g.Expect(obj.GetLabels()).NotTo(HaveKey(actuate.LabelConverging))
	switch o := obj.(type) {
	case *appsv1.Deployment:
		g.Expect(o.Spec.Paused).To(BeFalse())
		g.Expect(o.Spec.RevisionHistoryLimit).To(HaveValue(BeEquivalentTo(10)))
	case *appsv1.StatefulSet:
		g.Expect(o.Spec.UpdateStrategy.Type).To(Equal(appsv1.RollingUpdateStatefulSetStrategyType))
	}
}

// samePods expects the pods of the start, none of them restarted.
func (w *world) samePods(ctx context.Context, g Gomega) {
	GinkgoHelper()
	pods := w.living(ctx)
	g.Expect(pods).To(HaveLen(len(w.pods)))
	for _, pod := range pods {
		g.Expect(w.pods).To(HaveKey(string(pod.UID)), "pod %s was replaced", pod.Name)
		for _, s := range append(pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses...) {
			g.Expect(s.RestartCount).To(BeZero(), "container %s of pod %s was restarted", s.Name, pod.Name)
		}
	}
}

// replicaSets lists the Deployment's ReplicaSets: with one, none was ever made beside it.
func (w *world) replicaSets(ctx context.Context) []appsv1.ReplicaSet {
	GinkgoHelper()
	var sets appsv1.ReplicaSetList
	Expect(cl.List(ctx, &sets, client.InNamespace(w.ns))).To(Succeed())
	return sets.Items
}

// sized expects the container of a pod spec to have the size, and the others to be as they were.
func sized(g Gomega, spec *corev1.PodSpec, m amount) {
	GinkgoHelper()
	g.Expect(spec.Containers).To(HaveLen(3))
	for i, c := range template().Spec.Containers {
		g.Expect(spec.Containers[i].Name).To(Equal(c.Name))
		want := c.Resources
		if c.Name == "main" {
			want = m.resources()
		}
		for _, pair := range [][2]corev1.ResourceList{{spec.Containers[i].Resources.Limits, want.Limits}, {spec.Containers[i].Resources.Requests, want.Requests}} {
			for key, q := range pair[1] {
				has := pair[0][key]
				g.Expect(has.Cmp(q)).To(BeZero(), "container %s has %s %s, want %s", c.Name, key, has.String(), q.String())
			}
		}
	}
}

// convergedQuietly expects the size everywhere, and nobody to have noticed.
func (w *world) convergedQuietly(ctx context.Context, m amount) {
	GinkgoHelper()
	all := func(g Gomega) {
		w.untouched(ctx, g)
		w.samePods(ctx, g)
		sized(g, &w.template(ctx).Spec, m)
		for _, pod := range w.living(ctx) {
			sized(g, &pod.Spec, m)
		}
		if w.kind == v1alpha1.TargetDeployment {
			sets := w.replicaSets(ctx)
			g.Expect(sets).To(HaveLen(1), "a second ReplicaSet was made")
			g.Expect(sets[0].Annotations).NotTo(HaveKey(actuate.AnnotationIntent))
		}
	}
	Eventually(func(g Gomega) { all(g) }).WithContext(ctx).Should(Succeed())
}

// bornLike deletes a pod and expects its successor to be born with the size.
func (w *world) bornLike(ctx context.Context, m amount) {
	GinkgoHelper()
	victim := w.living(ctx)[0]
	Expect(cl.Delete(ctx, &victim)).To(Succeed())
	Eventually(func(g Gomega) {
		w.settled(ctx, g)
		pods := w.living(ctx)
		g.Expect(pods).To(HaveLen(3))
		born := 0
		for _, pod := range pods {
			sized(g, &pod.Spec, m)
			if _, old := w.pods[string(pod.UID)]; !old {
				born++
			}
		}
		g.Expect(born).To(Equal(1))
	}).WithContext(ctx).Should(Succeed())
}
