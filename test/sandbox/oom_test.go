package sandbox_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/kubelet"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

var _ = Describe("An OOM kill", func() {
	It("is seen as terminated and then as running again, with another container ID", func(ctx SpecContext) {
		pod := firstPod(ctx, newTenant(ctx, "small"), tenant.APIServer)
		before := containerStatus(pod, tenant.APIServer)

		var result sandbox.OOMResult
		lines := tell(ctx, pod, tenant.APIServer, func() {
			var err error
			result, err = box.OOM(ctx, pod.Namespace, pod.Name, sandbox.OOMOptions{})
			Expect(err).NotTo(HaveOccurred())
		}, until("running restarts=1"))

		Expect(lines[len(lines)-2:]).To(Equal([]string{
			"terminated OOMKilled 137 restarts=0",
			"running restarts=1 last=OOMKilled/137",
		}))
		Expect(result.ContainerID).To(Equal(before.ContainerID))
		Expect(result.Accepted).To(BeTemporally(">=", result.Sent))
		after := containerStatus(getPod(ctx, pod.Namespace, pod.Name), tenant.APIServer)
		last := after.LastTerminationState.Terminated
		Expect(last.ContainerID).To(Equal(before.ContainerID))
		Expect(last.StartedAt).To(Equal(before.State.Running.StartedAt))
		Expect(last.FinishedAt.Time).NotTo(BeTemporally("<", last.StartedAt.Time))
		Expect(after.ContainerID).NotTo(Equal(before.ContainerID))
	})

	It("makes the pod unready and ready again", func(ctx SpecContext) {
		pod := firstPod(ctx, newTenant(ctx, "small"), tenant.ControllerManager)
		ready := func() corev1.ConditionStatus { return resizeCondition(ctx, pod, corev1.PodReady)().Status }

		_, err := box.OOM(ctx, pod.Namespace, pod.Name, sandbox.OOMOptions{})
		Expect(err).NotTo(HaveOccurred())

		Eventually(ready).Should(Equal(corev1.ConditionTrue))
		st := containerStatus(getPod(ctx, pod.Namespace, pod.Name), tenant.ControllerManager)
		Expect(st.RestartCount).To(BeEquivalentTo(1))
	})

	It("leads to CrashLoopBackOff when it repeats, which a resize ends", func(ctx SpecContext) {
		pod := firstPod(ctx, newTenant(ctx, "small"), tenant.Scheduler)
		kill := func() {
			_, err := box.OOM(ctx, pod.Namespace, pod.Name, sandbox.OOMOptions{})
			Expect(err).NotTo(HaveOccurred())
		}
		tell(ctx, pod, tenant.Scheduler, kill, until("running restarts=1"))

		lines := tell(ctx, pod, tenant.Scheduler, kill, until("running restarts=2"))
		Expect(lines[len(lines)-3:]).To(Equal([]string{
			"terminated OOMKilled 137 restarts=1",
			"waiting CrashLoopBackOff restarts=1 last=OOMKilled/137",
			"running restarts=2 last=OOMKilled/137",
		}))

		// The next back-off is twice as long; the resize ends it at once.
		tell(ctx, pod, tenant.Scheduler, kill, until("waiting CrashLoopBackOff restarts=2"))
		Expect(resizeMemory(ctx, pod, tenant.Scheduler, "128Mi")).To(Succeed())
		Eventually(func() string {
			return story(containerStatus(getPod(ctx, pod.Namespace, pod.Name), tenant.Scheduler))
		}, backOff).Should(HavePrefix("running restarts=3"))
		Expect(memoryInForce(ctx, pod, tenant.Scheduler)()).To(Equal("128Mi"))
	})

	DescribeTable("can be coalesced as the kubelet's status manager does",
		func(ctx SpecContext, o sandbox.OOMOptions, want string) {
			pod := firstPod(ctx, newTenant(ctx, "small"), tenant.Etcd)
			result := ""
			lines := tell(ctx, pod, tenant.Etcd, func() {
				written, err := box.OOM(ctx, pod.Namespace, pod.Name, o)
				Expect(err).NotTo(HaveOccurred())
				result = written.ContainerID
			}, func(lines []string) bool { return len(lines) > 1 })
			Expect(lines).To(Equal([]string{"running restarts=0", want}))
			Expect(containerStatus(getPod(ctx, pod.Namespace, pod.Name), tenant.Etcd).LastTerminationState.Terminated.ContainerID).To(Equal(result))
			Eventually(func() string {
				return story(containerStatus(getPod(ctx, pod.Namespace, pod.Name), tenant.Etcd))
			}).Should(HavePrefix("running"))
		},
		Entry("straight to restarted", sandbox.OOMOptions{Coalesce: kubelet.ToRestarted}, "running restarts=1 last=OOMKilled/137"),
		Entry("straight to restarted, three missed", sandbox.OOMOptions{Coalesce: kubelet.ToRestarted, Missed: 3}, "running restarts=4 last=OOMKilled/137"),
		Entry("straight to back-off", sandbox.OOMOptions{Coalesce: kubelet.ToCrashLoop}, "waiting CrashLoopBackOff restarts=0 last=OOMKilled/137"),
		Entry("with the exit code of a false positive", sandbox.OOMOptions{Coalesce: kubelet.ToRestarted, ExitCode: 143}, "running restarts=1 last=OOMKilled/143"),
		Entry("for another reason", sandbox.OOMOptions{Coalesce: kubelet.ToRestarted, Reason: "Error", ExitCode: 1}, "running restarts=1 last=Error/1"),
	)

	It("hits a sidecar and a container beside the main one", func(ctx SpecContext) {
		namespace := newTenant(ctx, "sidecar")
		for workload, container := range map[string]string{tenant.Etcd: "backup", tenant.APIServer: tenant.Konnectivity} {
			pod := firstPod(ctx, namespace, workload)
			lines := tell(ctx, pod, container, func() {
				_, err := box.OOM(ctx, pod.Namespace, pod.Name, sandbox.OOMOptions{Container: container})
				Expect(err).NotTo(HaveOccurred())
			}, until("running restarts=1"))
			Expect(strings.Join(lines, "\n")).To(ContainSubstring("terminated OOMKilled 137"))
		}
	})

	It("of an init container that ended is kept in its status", func(ctx SpecContext) {
		pod := firstPod(ctx, newTenant(ctx, "sidecar"), tenant.Etcd)
		_, err := box.OOM(ctx, pod.Namespace, pod.Name, sandbox.OOMOptions{Container: "bootstrap"})
		Expect(err).NotTo(HaveOccurred())
		Expect(story(containerStatus(getPod(ctx, pod.Namespace, pod.Name), "bootstrap"))).To(HavePrefix("terminated OOMKilled 137"))
	})

	It("is refused for a container there is not", func(ctx SpecContext) {
		pod := firstPod(ctx, newTenant(ctx, "small"), tenant.Etcd)
		_, err := box.OOM(ctx, pod.Namespace, pod.Name, sandbox.OOMOptions{Container: "nginx"})
		Expect(err).To(MatchError(ContainSubstring(`has no status of a container "nginx"`)))
	})
})
