package cli_test

import (
	"encoding/json"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("explain", Ordered, func() {
	BeforeAll(func(ctx SpecContext) {
		tenant(ctx, "explained")
		record(ctx, answered("explained", "kube-apiserver", "of-today", "2026-01-03T11:58:00"))
		scaler(ctx, scalerOf("explained", "Auto", `
status:
  conditions:
  - {type: SignalsFresh, status: "False", reason: UsageUnknown, message: the metrics API gives no usage, lastTransitionTime: "2026-01-03T11:30:00Z"}
  components:
  - name: kube-apiserver
    current: {replicas: 2, requests: {cpu: "1", memory: 768Mi}, limits: {cpu: "1", memory: 768Mi}}
    verdict: Steady
    reason: WithinBounds
    message: no trigger asks for a change
    lastRecord: of-today
  - name: etcd
    current: {replicas: 3, requests: {memory: 2Gi}, limits: {memory: 2Gi}}
    verdict: Held
    gate: conflicted
    reason: ForeignOwner
    message: argocd owns the resources of etcd
    lastRecord: long-gone
`))
		profile(ctx, `
metadata: {name: kube-apiserver, namespace: explained, labels: {metapilot.dev/component: kube-apiserver}}
spec: {target: {apiVersion: apps/v1, kind: Deployment, name: kube-apiserver}}
status:
  containers:
  - {name: kube-apiserver, target: {cpu: 850m, memory: 730Mi}, peak: {cpu: 740m, memory: 512Mi}, confidencePercent: 98, lastSampleTime: "2026-01-03T11:50:00Z"}
`)
	})

	It("tells every component of a tenant, what holds it and what is not known", func(ctx SpecContext) {
		got := ask(ctx, "explain", "explained")
		Expect(got.err).NotTo(HaveOccurred())
		Expect(got.out).To(And(
			ContainSubstring("explained/kube-apiserver  Steady WithinBounds  (ClusterScaler control-plane, mode Auto)"),
			ContainSubstring("? missing   UsageUnknown for 30m: the metrics API gives no usage"),
			ContainSubstring("profile   needs cpu 850m, memory 730Mi, peak cpu 740m, memory 512Mi, confidence 98 %"),
			ContainSubstring("the last change:\nexplained/kube-apiserver  ScaleUp OOMKilled  (ClusterScaler control-plane, mode Auto, record of-today)"),
			ContainSubstring("✓ Actuated   +0.400s"),
			ContainSubstring("✗ conflicted  holds: ForeignOwner: argocd owns the resources of etcd"),
		))
	})

	It("tells one component, for a program", func(ctx SpecContext) {
		got := ask(ctx, "explain", "explained", "etcd", "-o", "json")
		Expect(got.err).NotTo(HaveOccurred())
		var document struct {
			Components []struct{ Component, Verdict string }
		}
		Expect(json.Unmarshal([]byte(got.out), &document)).To(Succeed())
		Expect(document.Components).To(HaveLen(1))
		Expect(document.Components[0].Component).To(Equal("etcd"))
		Expect(document.Components[0].Verdict).To(Equal("Held"))
	})

	It("says which components and tenants there are", func(ctx SpecContext) {
		Expect(ask(ctx, "explain", "explained", "scheduler").err).To(MatchError("tenant explained has no component scheduler: write one of kube-apiserver, etcd"))
		Expect(ask(ctx, "explain", "nowhere").err).To(MatchError(ContainSubstring("namespace nowhere has no ClusterScaler: name a tenant")))
	})
})
