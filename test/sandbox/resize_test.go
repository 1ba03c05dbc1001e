package sandbox_test

import (
	"context"
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/kubelet"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

// resizeMemory sets a container's memory request and limit through the resize subresource.
func resizeMemory(ctx context.Context, pod *corev1.Pod, container, memory string) error {
	return resizePod(ctx, pod, container, map[string]any{
		"requests": map[string]string{"memory": memory}, "limits": map[string]string{"memory": memory},
	})
}

func resizePod(ctx context.Context, pod *corev1.Pod, container string, resources map[string]any) error {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"containers": []any{
		map[string]any{"name": container, "resources": resources},
	}}})
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "resize")
	return err
}

// memoryInForce is the actuated memory limit, as a quantity's text.
func memoryInForce(ctx context.Context, pod *corev1.Pod, container string) func() string {
	return func() string {
		st := containerStatus(getPod(ctx, pod.Namespace, pod.Name), container)
		return st.Resources.Limits.Memory().String()
	}
}

// resizeCondition is the reason of the pod's resize condition of that type with the generation it is about, nil without.
func resizeCondition(ctx context.Context, pod *corev1.Pod, kind corev1.PodConditionType) func() *corev1.PodCondition {
	return func() *corev1.PodCondition {
		for _, c := range getPod(ctx, pod.Namespace, pod.Name).Status.Conditions {
			if c.Type == kind {
				return &c
			}
		}
		return nil
	}
}

var _ = Describe("An in-place resize", func() {
	It("is admitted, then actuated, without a restart", func(ctx SpecContext) {
		pod := firstPod(ctx, newTenant(ctx, "small"), tenant.APIServer)
		before := containerStatus(pod, tenant.APIServer)

		Expect(resizeMemory(ctx, pod, tenant.APIServer, "768Mi")).To(Succeed())

		Eventually(memoryInForce(ctx, pod, tenant.APIServer)).Should(Equal("768Mi"))
		after := getPod(ctx, pod.Namespace, pod.Name)
		st := containerStatus(after, tenant.APIServer)
		Expect(st.AllocatedResources.Memory().String()).To(Equal("768Mi"))
		Expect(st.Resources.Requests.Cpu().String()).To(Equal("250m"), "what was not resized stays")
		Expect(st.ContainerID).To(Equal(before.ContainerID))
		Expect(st.RestartCount).To(BeZero())
		Expect(resizeCondition(ctx, pod, corev1.PodResizeInProgress)()).To(BeNil())
		Expect(after.Status.ObservedGeneration).To(Equal(after.Generation))
	})

	It("is refused by the API server when it would change the QoS class", func(ctx SpecContext) {
		pod := firstPod(ctx, newTenant(ctx, "guaranteed"), tenant.APIServer)
		Expect(pod.Status.QOSClass).To(Equal(corev1.PodQOSGuaranteed))

		err := resizePod(ctx, pod, tenant.APIServer, map[string]any{"limits": map[string]string{"memory": "2Gi"}})

		Expect(err).To(MatchError(ContainSubstring("QOS Class may not change")))
	})

	It("pends as Deferred until the node has room", func(ctx SpecContext) {
		pod := firstPod(ctx, newTenant(ctx, "small"), tenant.Scheduler)
		Expect(box.SetResizeMode(ctx, pod.Namespace, pod.Name, sandbox.ResizeDeferred)).To(Succeed())

		Expect(resizeMemory(ctx, pod, tenant.Scheduler, "96Mi")).To(Succeed())

		pending := resizeCondition(ctx, pod, corev1.PodResizePending)
		Eventually(pending).Should(HaveField("Reason", corev1.PodReasonDeferred))
		Expect(pending().ObservedGeneration).To(Equal(getPod(ctx, pod.Namespace, pod.Name).Generation))
		Expect(memoryInForce(ctx, pod, tenant.Scheduler)()).To(Equal("64Mi"))

		Expect(box.SetResizeMode(ctx, pod.Namespace, pod.Name, sandbox.ResizeNormal)).To(Succeed())
		Eventually(memoryInForce(ctx, pod, tenant.Scheduler)).Should(Equal("96Mi"))
		Expect(pending()).To(BeNil())
	})

	It("stays Infeasible until the spec changes", func(ctx SpecContext) {
		pod := firstPod(ctx, newTenant(ctx, "small"), tenant.Scheduler)
		Expect(box.SetResizeMode(ctx, pod.Namespace, pod.Name, sandbox.ResizeInfeasible)).To(Succeed())
		Expect(resizeMemory(ctx, pod, tenant.Scheduler, "96Mi")).To(Succeed())
		pending := resizeCondition(ctx, pod, corev1.PodResizePending)
		Eventually(pending).Should(HaveField("Reason", corev1.PodReasonInfeasible))

		Expect(box.SetResizeMode(ctx, pod.Namespace, pod.Name, sandbox.ResizeNormal)).To(Succeed())
		Consistently(pending, "1s").Should(HaveField("Reason", corev1.PodReasonInfeasible))

		Expect(resizeMemory(ctx, pod, tenant.Scheduler, "80Mi")).To(Succeed())
		Eventually(memoryInForce(ctx, pod, tenant.Scheduler)).Should(Equal("80Mi"))
		Expect(pending()).To(BeNil())
	})

	It("is refused by the API server when it asks for more than the node has", func(ctx SpecContext) {
		pod := firstPod(ctx, newTenant(ctx, "small"), tenant.Scheduler)

		err := resizeMemory(ctx, pod, tenant.Scheduler, "300Gi")

		Expect(err).To(MatchError(ContainSubstring("node didn't have enough allocatable resources: memory")))
	})

	It("takes as long as its annotation says", func(ctx SpecContext) {
		pod := firstPod(ctx, newTenant(ctx, "small"), tenant.Scheduler)
		patch := []byte(`{"metadata":{"annotations":{"` + kubelet.ResizeDelayAnnotation + `":"2s"}}}`)
		_, err := client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		Expect(err).NotTo(HaveOccurred())

		Expect(resizeMemory(ctx, pod, tenant.Scheduler, "96Mi")).To(Succeed())

		progress := resizeCondition(ctx, pod, corev1.PodResizeInProgress)
		Eventually(progress).ShouldNot(BeNil())
		Expect(progress().ObservedGeneration).To(Equal(getPod(ctx, pod.Namespace, pod.Name).Generation))
		Expect(memoryInForce(ctx, pod, tenant.Scheduler)()).To(Equal("64Mi"))
		Eventually(memoryInForce(ctx, pod, tenant.Scheduler)).Should(Equal("96Mi"))
		Expect(progress()).To(BeNil())
	})
})
