package v1alpha1_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const algorithm = "/spec/algorithm"

func profile() *unstructured.Unstructured { return object(file(samples + "workloadprofile.yaml")) }

var _ = Describe("WorkloadProfile", func() {
	DescribeTable("takes", func(ctx SpecContext, changes ...change) {
		accepts(ctx, changed(profile(), changes...))
	},
		Entry("the sample"),
		Entry("a StatefulSet", change{"/spec/target/kind", "StatefulSet"}),
		Entry("no apiVersion", change{"/spec/target/apiVersion", ""}),
		Entry("another owner of pods", change{"/spec/target", "{apiVersion: druid.gardener.cloud/v1alpha1, kind: Etcd, name: etcd-main}"}),
		Entry("no algorithm", change{algorithm, ""}),
		Entry("Auto", change{algorithm, "{type: Auto}"}),
		Entry("Auto for a kind", change{algorithm, "{type: Auto, auto: {kind: Etcd}}"}),
		Entry("VPA", change{algorithm, "{type: VPA}"}),
		Entry("Percentile", change{algorithm, "{type: Percentile}"}),
		Entry("Percentile with settings", change{algorithm, "{type: Percentile, percentile: {cpuPercent: 90, memoryPercent: 100, halfLifeSeconds: 86400, marginPercent: 0}}"}),
		Entry("Peak", change{algorithm, "{type: Peak, peak: {windowSeconds: 3600}}"}),
		Entry("MovingWindow with every statistic", change{algorithm, "{type: MovingWindow, movingWindow: {cpu: {type: Average}, memory: {type: Maximum}}}"}),
		Entry("MovingWindow with percentiles", change{algorithm, "{type: MovingWindow, movingWindow: {cpu: {type: LoadPercentile, percent: 90}, memory: {type: Intermediate, percent: 60}}}"}),
		Entry("Seasonal, weekly", change{algorithm, "{type: Seasonal, seasonal: {season: Weekly}}"}),
	)

	DescribeTable("refuses", func(ctx SpecContext, c change, field, words string) {
		refuses(ctx, changed(profile(), c), field, words)
	},
		Entry("no target", change{"/spec/target", ""}, "spec.target", "Required value"),
		Entry("no kind", change{"/spec/target/kind", ""}, "spec.target.kind", "Required value"),
		Entry("an empty apiVersion", change{"/spec/target/apiVersion", `""`}, "spec.target.apiVersion", "should be at least 1 chars long"),
		Entry("an empty name", change{"/spec/target/name", `""`}, "spec.target.name", "should be at least 1 chars long"),
		Entry("an unknown algorithm", change{algorithm, "{type: Magic}"}, "spec.algorithm.type", `Unsupported value: "Magic"`),
		Entry("auto with another type", change{algorithm, "{type: VPA, auto: {kind: Etcd}}"}, "spec.algorithm", "auto is only allowed when type is Auto: remove it, or set type: Auto"),
		Entry("percentile with another type", change{algorithm, "{type: Peak, percentile: {marginPercent: 1}}"}, "spec.algorithm", "percentile is only allowed when type is Percentile: remove it, or set type: Percentile"),
		Entry("peak with another type", change{algorithm, "{type: VPA, peak: {marginPercent: 1}}"}, "spec.algorithm", "peak is only allowed when type is Peak: remove it, or set type: Peak"),
		Entry("movingWindow with another type", change{algorithm, "{type: VPA, movingWindow: {marginPercent: 1}}"}, "spec.algorithm", "movingWindow is only allowed when type is MovingWindow: remove it, or set type: MovingWindow"),
		Entry("seasonal with another type", change{algorithm, "{type: VPA, seasonal: {marginPercent: 1}}"}, "spec.algorithm", "seasonal is only allowed when type is Seasonal: remove it, or set type: Seasonal"),
		Entry("a percentile of a maximum", change{algorithm, "{type: MovingWindow, movingWindow: {cpu: {type: Maximum, percent: 90}}}"}, "spec.algorithm.movingWindow.cpu", "percent belongs to the types LoadPercentile and Intermediate, which need it: add or remove it"),
		Entry("a load percentile without one", change{algorithm, "{type: MovingWindow, movingWindow: {memory: {type: LoadPercentile}}}"}, "spec.algorithm.movingWindow.memory", "percent belongs to the types LoadPercentile and Intermediate, which need it: add or remove it"),
		Entry("a window longer than what is kept", change{algorithm, "{type: Peak, peak: {windowSeconds: 2419201}}"}, "spec.algorithm.peak.windowSeconds", "should be less than or equal to 2419200"),
		Entry("a median", change{algorithm, "{type: Percentile, percentile: {cpuPercent: 50}}"}, "spec.algorithm.percentile.cpuPercent", "should be greater than or equal to 60"),
		Entry("an unknown season", change{algorithm, "{type: Seasonal, seasonal: {season: Monthly}}"}, "spec.algorithm.seasonal.season", `Unsupported value: "Monthly"`),
		Entry("an unknown kind of component", change{algorithm, "{type: Auto, auto: {kind: Database}}"}, "spec.algorithm.auto.kind", `Unsupported value: "Database"`),
		Entry("empty settings", change{algorithm, "{type: Auto, auto: {}}"}, "spec.algorithm.auto", "should have at least 1 properties"),
	)

	It("prints what a person wants to know at a glance", func(ctx SpecContext) {
		o := profile()
		o.SetLabels(map[string]string{"metapilot.dev/component": "kube-apiserver"})
		Expect(api.Create(ctx, o)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(api.Delete(ctx, o)).To(Succeed()) })
		status := object(file("testdata/workloadprofile-status.yaml"))
		Expect(unstructured.SetNestedField(o.Object, status.Object["status"], "status")).To(Succeed())
		Expect(api.Status().Update(ctx, o)).To(Succeed())
		Expect(api.Get(ctx, client.ObjectKeyFromObject(o), o)).To(Succeed())
		Expect(missing("status", schemaOf("workloadprofiles").Properties["status"], []any{o.Object["status"]})).To(BeEmpty())
		Expect(printed(ctx, "workloadprofiles", o.GetName())).To(Equal([][2]string{
			{"Name", "kube-apiserver"}, {"Component", "kube-apiserver"}, {"Container", "kube-apiserver"}, {"Algorithm", "Seasonal"},
			{"CPU", "850m"}, {"Memory", "3Gi"}, {"Peak", "2700Mi"}, {"Confidence", "98"}, {"Fresh", "True"},
			{"Kind*", "Deployment"}, {"Samples*", "40320"}, {"History*", "Read"}, {"Last*", "some time"}, {"Age", "young"},
		}))
	})
})
