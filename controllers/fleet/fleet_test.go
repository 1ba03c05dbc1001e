package fleet_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/controllers/fleet"
)

// names gives the names of the namespace's pods with the memory limit of each, which a stub does not have.
func (m *memory) names(ctx context.Context, namespace string) []string {
	pods, err := m.Pods(ctx, namespace, labels.Everything())
	Expect(err).NotTo(HaveOccurred())
	out := []string{}
	for _, p := range pods {
		out = append(out, p.Name+" "+p.Spec.Containers[0].Resources.Limits.Memory().String())
	}
	return out
}

// cachedPod reads what the cache itself holds.
func (m *memory) cachedPod(ctx context.Context, namespace, name string) func() (*corev1.Pod, error) {
	return func() (*corev1.Pod, error) {
		var pod corev1.Pod
		return &pod, m.cache.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &pod)
	}
}

var (
	beStub  = WithTransform(func(p *corev1.Pod) bool { return fleet.IsStub(p) }, BeTrue())
	beWhole = WithTransform(func(p *corev1.Pod) bool { return fleet.IsStub(p) }, BeFalse())
)

var _ = Describe("a namespace that becomes managed", func() {
	It("costs one list, and nothing is stale or missed", func(ctx SpecContext) {
		m := start(ctx)
		ns := newNamespace(ctx)
		newPod(ctx, ns, "a", nil)
		b := newPod(ctx, ns, "b", nil)
		Eventually(m.cachedPod(ctx, ns, "b")).Should(beStub)

		By("being onboarded")
		newScaler(ctx, ns, "scaler")
		Eventually(func() bool { return m.registry.Managed(ns) }).Should(BeTrue())
		for range 3 {
			Expect(m.names(ctx, ns)).To(ConsistOf("a 64Mi", "b 64Mi"))
		}
		Expect(m.live.n.Load()).To(BeEquivalentTo(1))

		By("a pod that is born afterwards")
		newPod(ctx, ns, "c", nil)
		Eventually(m.cachedPod(ctx, ns, "c")).Should(beWhole)
		Expect(m.names(ctx, ns)).To(ConsistOf("a 64Mi", "b 64Mi", "c 64Mi"))

		By("a pod that changes")
		b.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		Expect(api.Status().Update(ctx, b)).To(Succeed())
		Eventually(m.cachedPod(ctx, ns, "b")).Should(beWhole)
		pods, err := m.Pods(ctx, ns, labels.Everything())
		Expect(err).NotTo(HaveOccurred())
		Expect(pods).To(ContainElement(HaveField("ResourceVersion", b.ResourceVersion)))

		By("a pod that dies")
		Expect(api.Delete(ctx, b)).To(Succeed())
		Eventually(func() []string { return m.names(ctx, ns) }).Should(ConsistOf("a 64Mi", "c 64Mi"))

		By("a selector")
		Expect(m.Pods(ctx, ns, labels.SelectorFromSet(labels.Set{"app": "main"}))).To(HaveLen(2))
		Expect(m.Pods(ctx, ns, labels.SelectorFromSet(labels.Set{"app": "other"}))).To(BeEmpty())
		Expect(m.live.n.Load()).To(BeEquivalentTo(1))
	})

	It("does not show a pod that died between the event and the list", func(ctx SpecContext) {
		m := start(ctx)
		ns := newNamespace(ctx)
		newPod(ctx, ns, "a", nil)
		b := newPod(ctx, ns, "b", nil)
		Eventually(m.cachedPod(ctx, ns, "b")).Should(beStub)
		newScaler(ctx, ns, "scaler")
		m.live.before = func() { Expect(api.Delete(ctx, b)).To(Succeed()); m.live.before = nil }
		Expect(m.names(ctx, ns)).To(ConsistOf("a 64Mi"))
	})

	It("shows its workloads whole", func(ctx SpecContext) {
		m := start(ctx)
		ns := newNamespace(ctx)
		newDeployment(ctx, ns, "main")
		Eventually(func() error {
			return m.cache.Get(ctx, client.ObjectKey{Namespace: ns, Name: "main"}, &appsv1.Deployment{})
		}).Should(Succeed())
		newScaler(ctx, ns, "scaler")
		d, err := m.Deployment(ctx, ns, "main")
		Expect(err).NotTo(HaveOccurred())
		Expect(d.Spec.Template.Spec.Containers[0].Resources.Limits.Memory().String()).To(Equal("64Mi"))
		_, err = m.Deployment(ctx, ns, "other")
		Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%v", err)
		_, err = m.StatefulSet(ctx, ns, "main")
		Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%v", err)
	})

	It("costs no list after a restart", func(ctx SpecContext) {
		ns := newNamespace(ctx)
		newPod(ctx, ns, "a", nil)
		newScaler(ctx, ns, "scaler")
		m := start(ctx)
		Expect(m.cachedPod(ctx, ns, "a")()).To(beWhole)
		Expect(m.names(ctx, ns)).To(ConsistOf("a 64Mi"))
		Expect(m.live.n.Load()).To(BeZero())
	})
})

var _ = Describe("a namespace that is no longer managed", func() {
	It("costs memory no more as soon as its pods change", func(ctx SpecContext) {
		m := start(ctx)
		ns := newNamespace(ctx)
		first, second := newScaler(ctx, ns, "first"), newScaler(ctx, ns, "second")
		Eventually(func() bool { return m.registry.Managed(ns) }).Should(BeTrue())
		a := newPod(ctx, ns, "a", nil)
		Eventually(m.cachedPod(ctx, ns, "a")).Should(beWhole)

		Expect(api.Delete(ctx, first)).To(Succeed())
		Eventually(func() error { return m.cache.Get(ctx, client.ObjectKeyFromObject(first), first) }).ShouldNot(Succeed())
		Expect(m.registry.Managed(ns)).To(BeTrue(), "the second one is there")

		Expect(api.Delete(ctx, second)).To(Succeed())
		Eventually(func() bool { return m.registry.Managed(ns) }).Should(BeFalse())
		a.Labels["changed"] = "yes"
		Expect(api.Update(ctx, a)).To(Succeed())
		Eventually(m.cachedPod(ctx, ns, "a")).Should(beStub)
	})
})

var _ = Describe("a pod's workload", func() {
	It("is found by owner references, never by names", func(ctx SpecContext) {
		m := start(ctx)
		ns := newNamespace(ctx)
		newScaler(ctx, ns, "scaler")
		// The names mislead: the ReplicaSet of "api" is called as one of "api-main" would be; both select all pods.
		api1, other := newDeployment(ctx, ns, "api"), newDeployment(ctx, ns, "api-main")
		rs := newReplicaSet(ctx, api1, "api-main-5d4f")
		ref := metav1.NewControllerRef(rs, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))
		pod := newPod(ctx, ns, "api-main-5d4f-x1", ref)
		newPod(ctx, ns, "api-main-5d4f-stray", nil)

		of, ok, err := m.WorkloadOf(ctx, pod)
		Expect(err).NotTo(HaveOccurred())
		Expect(ok).To(BeTrue())
		Expect(of).To(Equal(fleet.Workload{Kind: "Deployment", Namespace: ns, Name: "api", UID: api1.UID}))
		Eventually(func() ([]corev1.Pod, error) { return m.PodsOf(ctx, api1) }).Should(ConsistOf(HaveField("Name", "api-main-5d4f-x1")))
		Expect(m.PodsOf(ctx, other)).To(BeEmpty())

		By("the pod being gone")
		Expect(api.Delete(ctx, pod)).To(Succeed())
		_, ok, err = m.WorkloadOf(ctx, pod)
		Expect(err).NotTo(HaveOccurred())
		Expect(ok).To(BeTrue())

		By("a ReplicaSet of the same name having taken the owner's place")
		ref.UID = "00000000-0000-0000-0000-000000000000"
		pod.OwnerReferences = []metav1.OwnerReference{*ref}
		_, ok, err = m.WorkloadOf(ctx, pod)
		Expect(err).NotTo(HaveOccurred())
		Expect(ok).To(BeFalse(), "another UID is another ReplicaSet")
	})

	It("is the StatefulSet that controls it, and nothing for others", func(ctx SpecContext) {
		m := start(ctx)
		pod := func(apiVersion, kind string) *corev1.Pod {
			return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "etcd-0", OwnerReferences: []metav1.OwnerReference{
				{APIVersion: apiVersion, Kind: kind, Name: "etcd", UID: "1", Controller: new(true)},
			}}}
		}
		of, ok, err := m.WorkloadOf(ctx, pod("apps/v1", "StatefulSet"))
		Expect(err).NotTo(HaveOccurred())
		Expect(ok).To(BeTrue())
		Expect(of).To(Equal(fleet.Workload{Kind: "StatefulSet", Namespace: "ns", Name: "etcd", UID: "1"}))
		for _, stranger := range []*corev1.Pod{pod("apps/v1", "DaemonSet"), pod("example.com/v1", "StatefulSet"), pod("apps/v1", "ReplicaSet"), {}} {
			_, ok, err := m.WorkloadOf(ctx, stranger)
			Expect(err).NotTo(HaveOccurred())
			Expect(ok).To(BeFalse())
		}
	})
})

var _ = Describe("the caches", func() {
	It("refuse kinds that nobody asked to cache", func(ctx SpecContext) {
		m := start(ctx)
		err := m.cache.List(ctx, &corev1.SecretList{})
		Expect(err).To(BeAssignableToTypeOf(&cache.ErrResourceNotCached{}))
	})

	It("hold nothing that the API server would take as a whole object", func(ctx SpecContext) {
		m := start(ctx)
		ns := newNamespace(ctx)
		newScaler(ctx, ns, "scaler")
		newDeployment(ctx, ns, "main")
		var d *appsv1.Deployment
		Eventually(func() (err error) { d, err = m.Deployment(ctx, ns, "main"); return err }).Should(Succeed())
		Expect(apierrors.IsInvalid(api.Update(ctx, d))).To(BeTrue(), "an update with a trimmed object must not remove what was cut off")
	})
})
