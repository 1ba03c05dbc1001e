package sandbox_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metrics "k8s.io/metrics/pkg/client/clientset/versioned"

	"github.com/metapilot/metapilot/test/sandbox/kubelet"
	"github.com/metapilot/metapilot/test/sandbox/load"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

const mebibyte = 1 << 20

func constant(milliCPU, mebibytes int64) load.Load {
	return load.Load{Shape: load.Constant, To: load.Usage{MilliCPU: milliCPU, MemoryBytes: mebibytes * mebibyte}}
}

var _ = Describe("A load", func() {
	It("shows in the metrics API, per pod and for pods that come later", func(ctx SpecContext) {
		namespace := newTenant(ctx, "small")
		Expect(box.SetLoad(ctx, kubelet.Target{Namespace: namespace, Workload: tenant.Etcd}, constant(120, 200))).To(Succeed())
		Expect(box.SetLoad(ctx, kubelet.Target{Namespace: namespace, Workload: tenant.Etcd, Pod: "etcd-1"}, constant(120, 400))).To(Succeed())
		metricsClient, err := metrics.NewForConfig(box.RESTConfig())
		Expect(err).NotTo(HaveOccurred())
		usage := func(pod string) func() string {
			return func() string {
				m, err := metricsClient.MetricsV1beta1().PodMetricses(namespace).Get(ctx, pod, metav1.GetOptions{})
				if err != nil {
					return err.Error()
				}
				c := m.Containers[0]
				return fmt.Sprintf("%s %s %dMi", c.Name, roundTo(c.Usage.Cpu().MilliValue(), 10), c.Usage.Memory().Value()/mebibyte)
			}
		}
		Eventually(usage("etcd-0"), "90s", "500ms").Should(Equal("etcd 120 200Mi"))
		Eventually(usage("etcd-1"), "90s", "500ms").Should(Equal("etcd 120 400Mi"))

		Expect(client.CoreV1().Pods(namespace).Delete(ctx, "etcd-0", metav1.DeleteOptions{})).To(Succeed())
		Eventually(func() string {
			pod, err := client.CoreV1().Pods(namespace).Get(ctx, "etcd-0", metav1.GetOptions{})
			if err != nil {
				return err.Error()
			}
			return pod.Annotations[kubelet.UsageMemoryAnnotation]
		}).Should(Equal("200Mi"))
	})

	It("above the memory limit kills the container again and again, until a resize allows it", func(ctx SpecContext) {
		namespace := newTenant(ctx, "small")
		pod := firstPod(ctx, namespace, tenant.ControllerManager)
		lines := tell(ctx, pod, tenant.ControllerManager, func() {
			Expect(box.SetLoad(ctx, kubelet.Target{Namespace: namespace, Workload: tenant.ControllerManager}, constant(100, 180))).To(Succeed())
		}, until("waiting CrashLoopBackOff restarts=1"))
		Expect(lines).To(ContainElements(
			"terminated OOMKilled 137 restarts=0",
			"running restarts=1 last=OOMKilled/137",
			"terminated OOMKilled 137 restarts=1",
		))

		Expect(resizeMemory(ctx, pod, tenant.ControllerManager, "256Mi")).To(Succeed())
		running := func() string {
			return story(containerStatus(getPod(ctx, namespace, pod.Name), tenant.ControllerManager))
		}
		Eventually(running, backOff).Should(Equal("running restarts=2 last=OOMKilled/137"))
		Consistently(running, "3s").Should(Equal("running restarts=2 last=OOMKilled/137"))
	})

	It("keeps a memory limit from being decreased below the usage", func(ctx SpecContext) {
		namespace := newTenant(ctx, "small")
		pod := firstPod(ctx, namespace, tenant.APIServer)
		Expect(box.SetLoad(ctx, kubelet.Target{Namespace: namespace, Workload: tenant.APIServer}, constant(100, 300))).To(Succeed())
		Eventually(func() string {
			return getPod(ctx, namespace, pod.Name).Annotations[kubelet.UsageMemoryAnnotation]
		}).Should(Equal("300Mi"))

		Expect(resizeMemory(ctx, pod, tenant.APIServer, "256Mi")).To(Succeed())

		progress := resizeCondition(ctx, pod, "PodResizeInProgress")
		Eventually(progress).Should(HaveField("Reason", "Error"))
		Expect(progress().Message).To(ContainSubstring("cannot decrease memory limits"))
		Expect(memoryInForce(ctx, pod, tenant.APIServer)()).To(Equal("512Mi"))

		Expect(box.SetLoad(ctx, kubelet.Target{Namespace: namespace, Workload: tenant.APIServer}, constant(100, 200))).To(Succeed())
		Eventually(memoryInForce(ctx, pod, tenant.APIServer)).Should(Equal("256Mi"))
	})

	It("can be listed and taken away", func(ctx SpecContext) {
		target := kubelet.Target{Namespace: newTenant(ctx, "small"), Workload: tenant.Scheduler}
		Expect(box.SetLoad(ctx, target, constant(10, 20))).To(Succeed())
		Expect(targets(ctx)).To(ContainElement(target))
		Expect(box.ClearLoad(ctx, target)).To(Succeed())
		Expect(targets(ctx)).NotTo(ContainElement(target))
	})

	It("that is not one is refused with what to do", func(ctx SpecContext) {
		err := box.SetLoad(ctx, kubelet.Target{Workload: tenant.Etcd}, load.Load{Shape: load.Ramp, StartedAt: time.Now()})
		Expect(err).To(MatchError(ContainSubstring("a ramp needs a duration above 0")))
	})
})

func targets(ctx context.Context) []kubelet.Target {
	GinkgoHelper()
	entries, err := box.Loads(ctx)
	Expect(err).NotTo(HaveOccurred())
	var all []kubelet.Target
	for _, e := range entries {
		all = append(all, e.Target)
	}
	return all
}

// roundTo rounds to a multiple of unit: metrics-server computes CPU from two counters.
func roundTo(n, unit int64) string { return fmt.Sprint((n + unit/2) / unit * unit) }
