package cli_test

import (
	"encoding/json"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// answered is a record of a kill that was answered at a time.
func answered(tenant, component, name, at string) string {
	return fmt.Sprintf(`
metadata: {name: %[3]s, namespace: %[1]s, labels: {metapilot.dev/scaler: control-plane, metapilot.dev/component: %[2]s}}
spec:
  scaler: control-plane
  component: %[2]s
  target: {kind: Deployment, name: %[2]s, container: %[2]s}
  mode: Auto
  verdict: ScaleUp
  reason: OOMKilled
  message: %[2]s-1 was OOM-killed at its memory limit of 512Mi
  trigger:
    type: OOM
    oom:
      kills: [{podUID: u, container: %[2]s, containerID: containerd://1, pod: %[2]s-1, finishedAt: "%[4]sZ", restartCount: 1, class: Container}]
      limitInForce: {memory: 512Mi}
      peak: {memory: 500Mi}
  from: {replicas: 2, requests: {cpu: "1", memory: 512Mi}, limits: {cpu: "1", memory: 512Mi}}
  want: {limits: {memory: 768Mi}}
  to: {replicas: 2, requests: {cpu: "1", memory: 768Mi}, limits: {cpu: "1", memory: 768Mi}}
  estimates: [{estimator: OOM, lower: {memory: 512Mi}, target: {memory: 768Mi}, upper: {memory: 2560Mi}, message: 512Mi grown by half}]
  gates: [{name: suspended, outcome: Passed}, {name: unmanaged, outcome: Passed}, {name: unsettled, outcome: NotAsked, message: urgent growth passes}]
  decidedAt: "%[4]s.250000Z"
  actuation: {type: InPlace, template: Converge, fallbackAfterSeconds: 60, watchSeconds: 600}
status:
  phase: Succeeded
  message: no kill in 10m0s
  timeline:
  - {step: Detected, time: "%[4]s.200000Z"}
  - {step: Decided, time: "%[4]s.250000Z"}
  - {step: Resized, time: "%[4]s.400000Z"}
  - {step: Actuated, time: "%[4]s.650000Z"}
  - {step: Converged, time: "%[4]s.900000Z"}
`, tenant, component, name, at)
}

var _ = Describe("history", Ordered, func() {
	BeforeAll(func(ctx SpecContext) {
		tenant(ctx, "history-a")
		tenant(ctx, "history-b")
		record(ctx, answered("history-a", "kube-apiserver", "a-old", "2026-01-01T12:00:00"))
		record(ctx, answered("history-a", "kube-apiserver", "a-new", "2026-01-03T11:58:00"))
		record(ctx, answered("history-a", "etcd", "a-etcd", "2026-01-03T11:00:00"))
		record(ctx, answered("history-b", "etcd", "b-etcd", "2026-01-03T10:00:00"))
	})

	It("shows a tenant's records, the newest first", func(ctx SpecContext) {
		got := ask(ctx, "history", "history-a")
		Expect(got.err).NotTo(HaveOccurred())
		Expect(got.out).To(Equal(strings.Join([]string{
			"WHEN     COMPONENT        VERDICT   REASON      SIZE                   PHASE        TOOK",
			"2m ago   kube-apiserver   ScaleUp   OOMKilled   memory 512Mi → 768Mi   Succeeded   0.45s",
			"1h ago   etcd             ScaleUp   OOMKilled   memory 512Mi → 768Mi   Succeeded   0.45s",
			"2d ago   kube-apiserver   ScaleUp   OOMKilled   memory 512Mi → 768Mi   Succeeded   0.45s",
			"",
		}, "\n")))
	})

	It("shows one component, since a time, as JSON", func(ctx SpecContext) {
		got := ask(ctx, "history", "-n", "history-a", "history-a", "kube-apiserver", "--since", "24h", "-o", "json")
		Expect(got.err).NotTo(HaveOccurred())
		var document struct {
			Records []struct {
				Record      string
				TookSeconds float64
			}
		}
		Expect(json.Unmarshal([]byte(got.out), &document)).To(Succeed())
		Expect(document.Records).To(HaveLen(1))
		Expect(document.Records[0].Record).To(Equal("a-new"))
		Expect(document.Records[0].TookSeconds).To(Equal(0.45))
	})

	It("shows the fleet", func(ctx SpecContext) {
		got := ask(ctx, "history", "-A", "--limit", "0", "-o", "csv")
		Expect(got.err).NotTo(HaveOccurred())
		Expect(got.out).To(And(ContainSubstring("Z,history-a,kube-apiserver,ScaleUp,"), ContainSubstring("\n2026-01-03T10:00:00Z,history-b,etcd,ScaleUp,")))
		Expect(got.errs).To(BeEmpty())
	})

	It("says what it left out", func(ctx SpecContext) {
		got := ask(ctx, "history", "history-a", "--limit", "1", "-o", "csv")
		Expect(got.err).NotTo(HaveOccurred())
		Expect(got.out).To(ContainSubstring("a-new"))
		Expect(got.out).NotTo(ContainSubstring("a-etcd"))
		Expect(got.errs).To(Equal("2 older records left out: --limit 0 shows all\n"))
	})

	It("says so where there is nothing", func(ctx SpecContext) {
		got := ask(ctx, "history", "nowhere")
		Expect(got.err).NotTo(HaveOccurred())
		Expect(got.errs).To(Equal("no records in namespace nowhere: name another tenant, or write -A for all\n"))
	})

	DescribeTable("refuses", func(ctx SpecContext, words string, args ...string) {
		got := ask(ctx, append([]string{"history"}, args...)...)
		Expect(got.err).To(MatchError(ContainSubstring(words)))
	},
		Entry("an unknown format", "-o xml is not known here: write one of table, wide, json, yaml, csv, markdown", "-A", "-o", "xml"),
		Entry("one tenant and all", "-A means all tenants and history-a one: leave out one of the two", "history-a", "-A"),
		Entry("two tenants", "TENANT history-a and -n history-b are two tenants: write one of them", "history-a", "-n", "history-b"),
		Entry("an unknown context", `context "no" does not exist`, "-A", "--context", "no"),
		Entry("a user who may not", "docs/cli.md lists", "history-a", "--as", "nobody"),
	)

	It("completes tenants, components and contexts", func(ctx SpecContext) {
		scaler(ctx, scalerOf("history-a", "DryRun", ""))
		Expect(ask(ctx, "__complete", "history", "").out).To(ContainSubstring("history-a\n"))
		Expect(ask(ctx, "__complete", "history", "history-a", "").out).To(ContainSubstring("etcd\nkube-apiserver\n"))
	})
})

// scalerOf is a ClusterScaler of two components with a status, which is indented by nothing.
func scalerOf(tenant, mode, status string) string {
	return fmt.Sprintf(`
metadata: {name: control-plane, namespace: %s}
spec:
  mode: %q
  components:
  - name: kube-apiserver
    target: {kind: Deployment, name: kube-apiserver, container: kube-apiserver}
    bounds: {min: {memory: 256Mi}, max: {memory: 16Gi}}
  - name: etcd
    target: {kind: StatefulSet, name: etcd, container: etcd}
%s`, tenant, mode, status)
}
