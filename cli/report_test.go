package cli_test

import (
	"encoding/json"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("report", Ordered, func() {
	const tenants = 300 // more than a page

	BeforeAll(func(ctx SpecContext) {
		for i := range tenants {
			name := fmt.Sprintf("report-%03d", i)
			tenant(ctx, name)
			manifest := fmt.Sprintf(`
metadata: {name: control-plane, namespace: %s, labels: {suite: report}}
spec:
  mode: DryRun
  components:
  - name: kube-apiserver
    target: {kind: Deployment, name: kube-apiserver, container: kube-apiserver}
    scaleDown: {state: Enabled}
status:
  components:
  - name: kube-apiserver
    current: {replicas: 2, requests: {cpu: "1", memory: 2Gi}, limits: {cpu: "1", memory: 2Gi}}
    verdict: Steady
    reason: Observing
    message: use is low
    estimates: [{estimator: Profile, target: {cpu: 500m, memory: 1Gi}, message: of its profile}]
`, name)
			if i == 0 {
				manifest += "    lastRecord: told\n"
			}
			scaler(ctx, manifest)
		}
		told := answered("report-000", "kube-apiserver", "told", "2026-01-03T11:00:00")
		for old, new := range map[string]string{"mode: Auto": "mode: DryRun", "phase: Succeeded": "phase: DryRun", "512Mi": "2Gi", "768Mi": "3Gi"} {
			told = strings.ReplaceAll(told, old, new)
		}
		record(ctx, told)
		profile(ctx, `
metadata: {name: kube-apiserver, namespace: report-001, labels: {metapilot.dev/component: kube-apiserver}}
spec: {target: {apiVersion: apps/v1, kind: Deployment, name: kube-apiserver}}
status:
  conditions: [{type: SignalsFresh, status: "True", reason: Fresh, message: measured 20s ago, lastTransitionTime: "2026-01-01T00:00:00Z"}]
  containers: [{name: kube-apiserver, target: {cpu: 500m, memory: 1Gi}, confidencePercent: 98}]
`)
	})

	It("adds up a fleet of several pages", func(ctx SpecContext) {
		got := ask(ctx, "report", "-A", "-l", "suite=report", "-o", "json", "--price-gib-hour", "0.01")
		Expect(got.err).NotTo(HaveOccurred())
		var r struct {
			Tenants int
			Total   struct{ NowCores, SavedCores, SavedGiB, SavedPerMonth float64 }
			Rows    []struct {
				Tenant, Direction, Risk, Reason string
				ConfidencePercent               *int
			}
		}
		Expect(json.Unmarshal([]byte(got.out), &r)).To(Succeed())
		Expect(r.Tenants).To(Equal(tenants))
		Expect(r.Total.NowCores).To(Equal(2.0 * tenants))
		Expect(r.Total.SavedCores).To(Equal(1.0 * (tenants - 1)))
		Expect(r.Total.SavedGiB).To(Equal(2.0*(tenants-1) - 2))
		Expect(r.Total.SavedPerMonth).To(BeNumerically("~", r.Total.SavedGiB*0.01*730, 1e-6))
		Expect(r.Rows[0].Direction).To(Equal("Up"), "as its record tells")
		Expect(r.Rows[0].Reason).To(Equal("OOMKilled"))
		Expect(*r.Rows[1].ConfidencePercent).To(Equal(98))
		Expect(r.Rows[1].Risk).To(Equal("Low"))
		Expect(r.Rows[2].Risk).To(Equal("Unknown"), "it has no profile")
	})

	It("writes one tenant in every format", func(ctx SpecContext) {
		for format, want := range map[string]string{
			"table":    "would be saved: 1.00 cores, 2.00 GiB",
			"wide":     "98 %",
			"csv":      "report-001,kube-apiserver,DryRun,Steady,Observing,",
			"markdown": "## Most memory saved",
			"yaml":     "savedGiB: 2",
			"html":     `<svg viewBox=`,
		} {
			got := ask(ctx, "report", "report-001", "-o", format)
			Expect(got.err).NotTo(HaveOccurred())
			Expect(got.out).To(ContainSubstring(want), format)
		}
	})

	It("says that risks are unknown to whoever may not read profiles, and goes on", func(ctx SpecContext) {
		grant(ctx, "report-001", "scaler-reader", "clusterscalers", "scalingrecords")
		got := ask(ctx, "report", "report-001", "--as", "scaler-reader")
		Expect(got.err).NotTo(HaveOccurred())
		Expect(got.errs).To(ContainSubstring("you may not list workloadprofiles"))
		Expect(got.out).To(ContainSubstring("risk: Unknown 1"))
	})
})
