package sandbox_test

import (
	"context"
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

// templatePatch sets the memory of a container in a workload's template.
func templatePatch(container, memory string, more map[string]any) []byte {
	GinkgoHelper()
	spec := map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{
		"name": container, "resources": map[string]any{"requests": map[string]string{"memory": memory}, "limits": map[string]string{"memory": memory}},
	}}}}}
	for k, v := range more {
		spec[k] = v
	}
	patch, err := json.Marshal(map[string]any{"spec": spec})
	Expect(err).NotTo(HaveOccurred())
	return patch
}

func uids(ctx context.Context, namespace, workload string) sets.Set[types.UID] {
	GinkgoHelper()
	pods, err := box.PodsOf(ctx, namespace, workload)
	Expect(err).NotTo(HaveOccurred())
	all := sets.New[types.UID]()
	for _, pod := range pods {
		all.Insert(pod.UID)
	}
	return all
}

// The sandbox runs the real controllers, so what Metapilot does to templates can be proven on it.
var _ = Describe("The real workload controllers", func() {
	It("roll a Deployment's pods when its template changes", func(ctx SpecContext) {
		namespace := newTenant(ctx, "small")
		before := uids(ctx, namespace, tenant.APIServer)

		_, err := client.AppsV1().Deployments(namespace).Patch(ctx, tenant.APIServer, types.StrategicMergePatchType, templatePatch(tenant.APIServer, "640Mi", nil), metav1.PatchOptions{})
		Expect(err).NotTo(HaveOccurred())

		Eventually(func() int { return uids(ctx, namespace, tenant.APIServer).Intersection(before).Len() }).Should(BeZero())
		Expect(box.WaitTenantsReady(ctx, namespace)).To(Succeed())
	})

	It("roll nothing when a paused Deployment and its ReplicaSet get the same template", func(ctx SpecContext) {
		namespace := newTenant(ctx, "small")
		before := uids(ctx, namespace, tenant.APIServer)
		deployments, replicaSets := client.AppsV1().Deployments(namespace), client.AppsV1().ReplicaSets(namespace)
		patchDeployment := func(patch []byte) {
			_, err := deployments.Patch(ctx, tenant.APIServer, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
			Expect(err).NotTo(HaveOccurred())
		}
		list, err := replicaSets.List(ctx, metav1.ListOptions{LabelSelector: tenant.ComponentLabel + "=" + tenant.APIServer})
		Expect(err).NotTo(HaveOccurred())
		Expect(list.Items).To(HaveLen(1))

		patchDeployment([]byte(`{"spec":{"paused":true}}`))
		_, err = replicaSets.Patch(ctx, list.Items[0].Name, types.StrategicMergePatchType, templatePatch(tenant.APIServer, "640Mi", nil), metav1.PatchOptions{})
		Expect(err).NotTo(HaveOccurred())
		patchDeployment(templatePatch(tenant.APIServer, "640Mi", nil))
		patchDeployment([]byte(`{"spec":{"paused":false}}`))

		Eventually(func() bool {
			d, err := deployments.Get(ctx, tenant.APIServer, metav1.GetOptions{})
			return err == nil && d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas == 2
		}).Should(BeTrue())
		Consistently(func() sets.Set[types.UID] { return uids(ctx, namespace, tenant.APIServer) }, "2s").Should(Equal(before))

		Expect(client.CoreV1().Pods(namespace).Delete(ctx, firstPod(ctx, namespace, tenant.APIServer).Name, metav1.DeleteOptions{})).To(Succeed())
		Eventually(func() []string {
			pods, err := box.PodsOf(ctx, namespace, tenant.APIServer)
			Expect(err).NotTo(HaveOccurred())
			var born []string
			for _, pod := range pods {
				if !before.Has(pod.UID) {
					born = append(born, pod.Spec.Containers[0].Resources.Limits.Memory().String())
				}
			}
			return born
		}).Should(Equal([]string{"640Mi"}), "a pod born afterwards has the new size")
	})

	It("leave a StatefulSet's pods alone under OnDelete and take a new revision label", func(ctx SpecContext) {
		namespace := newTenant(ctx, "small")
		before := uids(ctx, namespace, tenant.Etcd)
		statefulSets := client.AppsV1().StatefulSets(namespace)
		get := func() *appsv1.StatefulSet {
			set, err := statefulSets.Get(ctx, tenant.Etcd, metav1.GetOptions{})
			Expect(err).NotTo(HaveOccurred())
			return set
		}
		old := get().Status.UpdateRevision

		_, err := statefulSets.Patch(ctx, tenant.Etcd, types.StrategicMergePatchType, templatePatch(tenant.Etcd, "640Mi", map[string]any{
			"updateStrategy": map[string]any{"type": appsv1.OnDeleteStatefulSetStrategyType, "rollingUpdate": nil},
		}), metav1.PatchOptions{})
		Expect(err).NotTo(HaveOccurred())
		Eventually(func() string { return get().Status.UpdateRevision }).ShouldNot(Equal(old))
		revision := get().Status.UpdateRevision
		pods, err := box.PodsOf(ctx, namespace, tenant.Etcd)
		Expect(err).NotTo(HaveOccurred())
		for _, pod := range pods {
			Expect(resizeMemory(ctx, &pod, tenant.Etcd, "640Mi")).To(Succeed())
			label := []byte(`{"metadata":{"labels":{"` + appsv1.ControllerRevisionHashLabelKey + `":"` + revision + `"}}}`)
			_, err := client.CoreV1().Pods(namespace).Patch(ctx, pod.Name, types.MergePatchType, label, metav1.PatchOptions{})
			Expect(err).NotTo(HaveOccurred())
		}
		// The controller deletes a pod whose new label it has not seen yet: its cache may be behind.
		Eventually(func() int32 { return get().Status.UpdatedReplicas }).Should(BeEquivalentTo(len(pods)))
		_, err = statefulSets.Patch(ctx, tenant.Etcd, types.StrategicMergePatchType, []byte(`{"spec":{"updateStrategy":{"type":"RollingUpdate"}}}`), metav1.PatchOptions{})
		Expect(err).NotTo(HaveOccurred())

		Eventually(func() string { return get().Status.CurrentRevision }).Should(Equal(revision))
		Consistently(func() sets.Set[types.UID] { return uids(ctx, namespace, tenant.Etcd) }, "2s").Should(Equal(before))
		Expect(memoryInForce(ctx, &corev1.Pod{ObjectMeta: pods[0].ObjectMeta}, tenant.Etcd)()).To(Equal("640Mi"))
	})
})
