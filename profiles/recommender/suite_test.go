package recommender

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/fleet"
	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/size"
	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/sandbox"
)

var cl client.WithWatch

func TestRecommender(t *testing.T) {
	RegisterFailHandler(Fail)
	EnforceDefaultTimeoutsWhenUsingContexts()
	SetDefaultEventuallyTimeout(20 * time.Second)
	RunSpecs(t, "recommender")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	box, err := sandbox.Start(ctx, sandbox.Options{Progress: os.Stderr})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(box.Stop()).To(Succeed()) })
	cl, err = installation.API(ctx, box.RESTConfig())
	Expect(err).NotTo(HaveOccurred())
})

const mib = 1 << 20

// world is a tenant with a StatefulSet etcd of two members, its profile, and a recommender that fills it.
type world struct {
	ns    string
	r     *Recommender
	clock *testingclock.FakeClock
	// usage gives what a pod's container uses at a time: millicores and bytes.
	usage func(pod string, at time.Time) (cpu, memory float64)
	fails error
	asked int
}

func newWorld(ctx context.Context, algorithm *v1alpha1.Algorithm) *world {
	GinkgoHelper()
	w := &world{clock: testingclock.NewFakeClock(time.Now().Truncate(time.Hour))}
	w.usage = func(string, time.Time) (float64, float64) { return 100, 200 * mib }
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "tenant-"}}
	Expect(cl.Create(ctx, ns)).To(Succeed())
	w.ns = ns.Name
	for i := range 2 {
		w.birth(ctx, fmt.Sprintf("etcd-%d", i), "etcd")
	}
	p := &v1alpha1.WorkloadProfile{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "statefulset-etcd", Labels: map[string]string{v1alpha1.LabelComponent: "etcd"}},
		Spec:       v1alpha1.WorkloadProfileSpec{Target: v1alpha1.TargetOf(v1alpha1.TargetStatefulSet, "etcd"), Algorithm: algorithm},
	}
	Expect(cl.Create(ctx, p)).To(Succeed())
	w.restart(ctx)
	return w
}

func (w *world) birth(ctx context.Context, name, owner string) *corev1.Pod {
	GinkgoHelper()
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: owner, UID: "set"}}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name, OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "etcd", Image: "example.com/etcd:1", Resources: corev1.ResourceRequirements{
			Limits: corev1.ResourceList{"memory": resource.MustParse("512Mi")}}}}},
	}
	Expect(cl.Create(ctx, pod)).To(Succeed())
	pod.Status.Phase = corev1.PodRunning
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "etcd", ContainerID: "containerd://" + name,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(w.clock.Now().Add(-time.Hour))}}}}
	Expect(cl.Status().Update(ctx, pod)).To(Succeed())
	return pod
}

// kill lets the recommender see that a pod's container was OOM-killed.
func (w *world) kill(ctx context.Context, name string) {
	GinkgoHelper()
	pod := &corev1.Pod{}
	Expect(cl.Get(ctx, types.NamespacedName{Namespace: w.ns, Name: name}, pod)).To(Succeed())
	s := &pod.Status.ContainerStatuses[0]
	s.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled", ContainerID: s.ContainerID, FinishedAt: metav1.NewTime(w.clock.Now())}}
	s.RestartCount++
	s.ContainerID += "x"
	Expect(cl.Status().Update(ctx, pod)).To(Succeed())
	Expect(w.r.PodSeen(ctx, pod)).To(Succeed())
}

// restart gives the tenant to a new recommender, which knows what was written.
func (w *world) restart(ctx context.Context) {
	GinkgoHelper()
	w.r = &Recommender{
		Client: cl, Live: cl, Source: w, Fleet: fleet.New(cl, cl), Managed: func(ns string) bool { return ns == w.ns }, Tenants: func() int { return 1 },
		Clock: w.clock, Log: GinkgoLogr, Metrics: prometheus.NewRegistry(), Interval: time.Minute, Timeout: 10 * time.Second,
		CheckpointInterval: time.Hour, StaleAfter: 10 * time.Minute, TolerancePercent: 5, WritesPerSecond: 1000,
	}
	Expect(w.r.Prepare()).To(Succeed())
	_, err := w.r.restoreAll(ctx)
	Expect(err).NotTo(HaveOccurred())
}

// Name of the source that the world is.
func (*world) Name() string { return "world" }

// Read gives what every container uses now.
func (w *world) Read(_ context.Context, yield func(sources.Sample)) (sources.Report, error) {
	w.asked++
	w.at(w.clock.Now(), yield)
	return sources.Report{}, w.fails
}

func (w *world) at(at time.Time, yield func(sources.Sample)) {
	for _, pod := range []string{"etcd-0", "etcd-1"} {
		cpu, memory := w.usage(pod, at)
		yield(sources.Sample{Namespace: w.ns, Container: "etcd", Sample: profiles.Sample{Replica: pod, At: at, CPU: size.Of(cpu), Memory: size.Of(memory)}})
	}
}

// live measures for some time, round by round.
func (w *world) live(ctx context.Context, d time.Duration) {
	GinkgoHelper()
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end); w.clock.Step(time.Minute) {
		Expect(w.r.Once(ctx)).To(Succeed())
	}
}

func (w *world) profile(ctx context.Context) *v1alpha1.WorkloadProfile {
	GinkgoHelper()
	p := &v1alpha1.WorkloadProfile{}
	Expect(cl.Get(ctx, types.NamespacedName{Namespace: w.ns, Name: "statefulset-etcd"}, p)).To(Succeed())
	return p
}

// sizes is what the profile would say now: the target of the container.
func (w *world) sizes(ctx context.Context) v1alpha1.ContainerProfile {
	GinkgoHelper()
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	e := w.r.memory.byKey[types.NamespacedName{Namespace: w.ns, Name: "statefulset-etcd"}]
	Expect(e).NotTo(BeNil())
	rec, _ := w.r.recommend(e, w.clock.Now())
	if len(rec.containers) == 0 { // nothing was measured yet
		return v1alpha1.ContainerProfile{Samples: new(int64(0))}
	}
	Expect(rec.containers).To(HaveLen(1))
	return rec.containers[0]
}
