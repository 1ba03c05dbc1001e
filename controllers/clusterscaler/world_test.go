package clusterscaler

import (
	"context"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/controllers/actuate"
	"github.com/metapilot/metapilot/controllers/budget"
	"github.com/metapilot/metapilot/controllers/fleet"
	"github.com/metapilot/metapilot/scalers/oom/sighting"
	"github.com/metapilot/metapilot/scalers/usage"
	"github.com/metapilot/metapilot/size"
)

const main = "kube-apiserver"

// noon of the fake clock. Kills are reported to the second.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func quantity(s string) resource.Quantity { return resource.MustParse(s) }

func memory(request, limit string) corev1.ResourceRequirements {
	out := corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": quantity("100m"), "memory": quantity(request)}}
	if limit != "" {
		out.Limits = corev1.ResourceList{"memory": quantity(limit)}
	}
	return out
}

// world is a tenant with one Deployment of two replicas, and a reconciler that looks after it.
type world struct {
	ns    string
	clock *testingclock.FakePassiveClock
	r     *Reconciler
	hand  *hand
	used  *measured
	said  chan string
	kills int
}

type option func(*appsv1.Deployment, *v1alpha1.ClusterScaler)

// newWorld makes a tenant whose kube-apiserver has a request of 256Mi and a limit of 512Mi.
func newWorld(ctx context.Context, options ...option) *world {
	GinkgoHelper()
	w := &world{clock: testingclock.NewFakePassiveClock(noon)}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "tenant-"}}
	Expect(cl.Create(ctx, ns)).To(Succeed())
	w.ns = ns.Name
	labels := map[string]string{"app": main}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: main},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(2)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{
					{Name: main, Image: "example.com/main:1", Resources: memory("256Mi", "512Mi")},
					{Name: "proxy", Image: "example.com/proxy:1", Resources: memory("32Mi", "")},
				}},
			},
		},
	}
	scaler := &v1alpha1.ClusterScaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "control-plane"},
		Spec: v1alpha1.ClusterScalerSpec{Mode: v1alpha1.ModeAuto, Components: []v1alpha1.Component{
			{Name: main, Target: v1alpha1.Target{Kind: v1alpha1.TargetDeployment, Name: main, Container: main}},
		}},
	}
	for _, o := range options {
		o(d, scaler)
	}
	Expect(cl.Create(ctx, d)).To(Succeed())
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2, AvailableReplicas: 2}
	Expect(cl.Status().Update(ctx, d)).To(Succeed())
	for i := range int(*d.Spec.Replicas) {
		w.birth(ctx, fmt.Sprintf("%s-%d", main, i), d)
	}
	Expect(cl.Create(ctx, scaler)).To(Succeed())
	w.restart()
	return w
}

// plenty is a budget that holds nothing: the fleet has the tenants of the other specs too, all at the same time.
func plenty() *budget.Ledger {
	return budget.New(budget.Settings{Window: time.Hour, Minimum: 1000, MaxBlindPercent: 100, MaxAgreePercent: 100})
}

func mode(m v1alpha1.Mode) option {
	return func(_ *appsv1.Deployment, s *v1alpha1.ClusterScaler) { s.Spec.Mode = m }
}

func spec(f func(*v1alpha1.Component)) option {
	return func(_ *appsv1.Deployment, s *v1alpha1.ClusterScaler) { f(&s.Spec.Components[0]) }
}

func maximum(m string) option {
	return spec(func(c *v1alpha1.Component) {
		c.Bounds = &v1alpha1.Bounds{Max: &v1alpha1.BoundAmounts{Memory: new(quantity(m))}}
	})
}

// birth makes a pod as the Deployment's controller would.
func (w *world) birth(ctx context.Context, name string, d *appsv1.Deployment) {
	GinkgoHelper()
	rs := &appsv1.ReplicaSet{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"}, ObjectMeta: metav1.ObjectMeta{Name: main + "-1", UID: "rs"}}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name, Labels: d.Spec.Template.Labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(rs, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))}},
		Spec: *d.Spec.Template.Spec.DeepCopy(),
	}
	pod.Spec.NodeName = "node-1"
	Expect(cl.Create(ctx, pod)).To(Succeed())
	pod.Status.Phase = corev1.PodRunning
	running := func(list []corev1.Container) (out []corev1.ContainerStatus) {
		for _, c := range list {
			out = append(out, corev1.ContainerStatus{Name: c.Name, Image: c.Image, ContainerID: "containerd://" + name + "-" + c.Name + "-0",
				Resources: c.Resources.DeepCopy(), AllocatedResources: c.Resources.Requests.DeepCopy(),
				State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(noon.Add(-time.Hour))}}})
		}
		return out
	}
	pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses = running(pod.Spec.Containers), running(pod.Spec.InitContainers)
	Expect(cl.Status().Update(ctx, pod)).To(Succeed())
}

func (w *world) pod(ctx context.Context, name string) *corev1.Pod {
	GinkgoHelper()
	pod := &corev1.Pod{}
	Expect(cl.Get(ctx, types.NamespacedName{Namespace: w.ns, Name: name}, pod)).To(Succeed())
	return pod
}

// dead says how a container ended.
type dead struct {
	container string // main when empty
	reason    string // OOMKilled when empty
	exitCode  int32  // 137 when 0
	restarts  int32  // 1 when 0: how often it has been started again since it was last looked at
}

// kill ends a container of a pod a second ago, starts it again, and lets the reconciler's watch see it.
func (w *world) kill(ctx context.Context, name string, how dead) *corev1.Pod {
	GinkgoHelper()
	if how.container == "" {
		how.container = main
	}
	if how.reason == "" {
		how.reason = "OOMKilled"
	}
	if how.exitCode == 0 {
		how.exitCode = 137
	}
	pod := w.pod(ctx, name)
	for _, list := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		i := slices.IndexFunc(list, func(s corev1.ContainerStatus) bool { return s.Name == how.container })
		if i < 0 {
			continue
		}
		s := &list[i]
		w.kills++
		s.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: how.exitCode, Reason: how.reason, ContainerID: s.ContainerID, FinishedAt: metav1.NewTime(w.clock.Now().Add(-time.Second)),
		}}
		s.ContainerID = fmt.Sprintf("containerd://%s-%d", name, w.kills)
		s.RestartCount += max(how.restarts, 1)
	}
	Expect(cl.Status().Update(ctx, pod)).To(Succeed())
	w.r.inbox.put(pod, w.clock.Now())
	return pod
}

// restart gives the tenant to a new manager, which remembers nothing.
func (w *world) restart() {
	GinkgoHelper()
	if w.hand == nil {
		w.hand, w.used, w.said = &hand{clock: w.clock, resizes: map[string]int{}}, &measured{}, make(chan string, 1000)
	}
	f := fleet.New(cl, cl)
	w.r = &Reconciler{Client: cl, Live: cl, Fleet: f, Usage: w.used, Actuator: w.hand, Clock: w.clock, KeepRecords: 20, Budget: plenty(),
		Events: &events.FakeRecorder{Events: w.said}}
	Expect(w.r.Prepare(prometheus.NewRegistry())).To(Succeed())
}

func (w *world) once(ctx context.Context) (ctrl.Result, error) {
	return w.r.Reconcile(ctx, requestFor(w.ns, "control-plane"))
}

func requestFor(namespace, name string) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

// settle reconciles until it does not want to come back within a second.
func (w *world) settle(ctx context.Context) {
	GinkgoHelper()
	for range 20 {
		result, err := w.once(ctx)
		Expect(err).NotTo(HaveOccurred())
		if result.RequeueAfter == 0 || result.RequeueAfter > time.Second {
			return
		}
	}
	Fail("it never settles")
}

func (w *world) after(d time.Duration) { w.clock.SetTime(w.clock.Now().Add(d)) }

func (w *world) scaler(ctx context.Context) *v1alpha1.ClusterScaler {
	GinkgoHelper()
	s := &v1alpha1.ClusterScaler{}
	Expect(cl.Get(ctx, types.NamespacedName{Namespace: w.ns, Name: "control-plane"}, s)).To(Succeed())
	return s
}

func (w *world) edit(ctx context.Context, f func(*v1alpha1.ClusterScaler)) {
	GinkgoHelper()
	s := w.scaler(ctx)
	f(s)
	Expect(cl.Update(ctx, s)).To(Succeed())
}

func (w *world) component(ctx context.Context) v1alpha1.ComponentStatus {
	GinkgoHelper()
	s := w.scaler(ctx)
	Expect(s.Status.Components).NotTo(BeEmpty())
	return s.Status.Components[0]
}

func (w *world) condition(ctx context.Context, kind string) metav1.Condition {
	GinkgoHelper()
	for _, c := range w.scaler(ctx).Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	Fail("no condition " + kind)
	return metav1.Condition{}
}

// records of the tenant, oldest first.
func (w *world) records(ctx context.Context) []v1alpha1.ScalingRecord {
	GinkgoHelper()
	var list v1alpha1.ScalingRecordList
	Expect(cl.List(ctx, &list, client.InNamespace(w.ns))).To(Succeed())
	slices.SortFunc(list.Items, func(a, b v1alpha1.ScalingRecord) int { return a.Spec.DecidedAt.Compare(b.Spec.DecidedAt.Time) })
	return list.Items
}

func (w *world) deployment(ctx context.Context) *appsv1.Deployment {
	GinkgoHelper()
	d := &appsv1.Deployment{}
	Expect(cl.Get(ctx, types.NamespacedName{Namespace: w.ns, Name: main}, d)).To(Succeed())
	return d
}

// limits gives the memory limits of the living pods' main containers.
func (w *world) limits(ctx context.Context) []string {
	GinkgoHelper()
	var list corev1.PodList
	Expect(cl.List(ctx, &list, client.InNamespace(w.ns))).To(Succeed())
	var out []string
	for _, p := range list.Items {
		out = append(out, sighting.Container(p.Spec.InitContainers, p.Spec.Containers, main).Resources.Limits.Memory().String())
	}
	return out
}

func (w *world) heard() []string {
	var out []string
	for {
		select {
		case s := <-w.said:
			out = append(out, s)
		default:
			return out
		}
	}
}

// hand is an actuator that does at once what it is told, and counts.
type hand struct {
	clock    *testingclock.FakePassiveClock
	resizes  map[string]int // by record
	advanced []string       // names of records
	corrects int
	// fails is returned by the next call.
	fails error
	// stops makes it stay in a phase.
	stops v1alpha1.RecordPhase
}

func (h *hand) Advance(ctx context.Context, c actuate.Change) (actuate.Progress, error) {
	h.advanced = append(h.advanced, c.Record.Name)
	if err := h.fails; err != nil {
		h.fails = nil
		return actuate.Progress{}, err
	}
	reach := func(phase v1alpha1.RecordPhase, step v1alpha1.TimelineStep) actuate.Progress {
		return actuate.Progress{Phase: phase, Message: string(step), RequeueAfter: time.Millisecond,
			Steps: []v1alpha1.TimelineEntry{{Step: step, Time: metav1.NewMicroTime(h.clock.Now())}}}
	}
	phase := c.Record.Status.Phase
	if phase == h.stops && phase != "" {
		return actuate.Progress{Phase: phase, Message: "waiting", RequeueAfter: time.Minute}, nil
	}
	switch phase {
	case "", v1alpha1.PhaseBegun:
		// The record is there before anything is done.
		if err := cl.Get(ctx, client.ObjectKeyFromObject(c.Record), &v1alpha1.ScalingRecord{}); err != nil {
			return actuate.Progress{}, fmt.Errorf("acting on a plan that is not written down: %w", err)
		}
		if len(c.Pods) == 0 {
			return actuate.Progress{}, fmt.Errorf("no pods")
		}
		h.resizes[c.Record.Name]++
		if _, err := h.ResizePods(ctx, c.Pods, c.Record.Spec.Target.Container, sizes.FromAPI(&c.Record.Spec.To)); err != nil {
			return actuate.Progress{}, err
		}
		h.corrects--
		return reach(v1alpha1.PhaseConverging, v1alpha1.StepResized), nil
	case v1alpha1.PhaseConverging:
		if c.Record.Spec.Actuation.Template == v1alpha1.TemplateConverge {
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: c.Record.Namespace, Name: c.Record.Spec.Target.Name}}
			if _, err := controllerutil.CreateOrUpdate(ctx, cl, d, func() error {
				setSize(&d.Spec.Template.Spec, c.Record.Spec.Target.Container, sizes.FromAPI(&c.Record.Spec.To))
				return nil
			}); err != nil {
				return actuate.Progress{}, err
			}
			d.Status.ObservedGeneration = d.Generation
			if err := cl.Status().Update(ctx, d); err != nil {
				return actuate.Progress{}, err
			}
		}
		return reach(v1alpha1.PhaseWatching, v1alpha1.StepConverged), nil
	default:
		return actuate.Progress{Phase: phase, Message: c.Record.Status.Message}, nil
	}
}

func setSize(pod *corev1.PodSpec, container string, to size.Size) {
	c := sighting.Container(pod.InitContainers, pod.Containers, container)
	for _, e := range []struct {
		list corev1.ResourceList
		a    size.Amounts
	}{{c.Resources.Requests, to.Requests}, {c.Resources.Limits, to.Limits}} {
		if m, ok := e.a.Memory.Get(); ok {
			e.list["memory"] = memoryQuantity(m)
		}
		if cpu, ok := e.a.CPU.Get(); ok {
			e.list["cpu"] = *resource.NewMilliQuantity(int64(cpu), resource.DecimalSI)
		}
	}
}

func (h *hand) ResizePods(ctx context.Context, pods []corev1.Pod, container string, to size.Size) (actuate.Resized, error) {
	h.corrects++
	var done actuate.Resized
	for i := range pods {
		pod := &corev1.Pod{}
		if err := cl.Get(ctx, client.ObjectKeyFromObject(&pods[i]), pod); err != nil {
			return done, err
		}
		setSize(&pod.Spec, container, to)
		if err := cl.SubResource("resize").Update(ctx, pod); err != nil {
			return done, err
		}
		for _, list := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
			for i := range list { // what the kubelet would say of it
				list[i].Resources = sighting.Container(pod.Spec.InitContainers, pod.Spec.Containers, list[i].Name).Resources.DeepCopy()
			}
		}
		if err := cl.Status().Update(ctx, pod); err != nil {
			return done, err
		}
		done.Accepted++
	}
	return done, nil
}

func (h *hand) Unfinished(context.Context, ...client.ListOption) ([]actuate.Unfinished, error) {
	return nil, nil
}

func (h *hand) Recover(context.Context, string, v1alpha1.Target) (actuate.Recovery, error) {
	return actuate.Recovery{}, nil
}

// measured is a usage that the test sets.
type measured struct {
	peak  size.Amounts
	last  *usage.Usage
	stale error
}

func (m *measured) Before(_, _, _ string, _ time.Time) (usage.Usage, bool) {
	if m.last == nil {
		return usage.Usage{}, false
	}
	return *m.last, true
}

func (m *measured) Peak(string, []string, string) size.Amounts { return m.peak }

func (m *measured) Fresh() (time.Time, error) { return noon, m.stale }
