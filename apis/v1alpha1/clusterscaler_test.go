package v1alpha1_test

import (
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

const (
	samples = "../../config/samples/"

	component  = "/spec/components/0"
	bounds     = component + "/bounds"
	scaleUp    = component + "/scaleUp"
	oomTrigger = scaleUp + "/triggers/0/oom"
	estimator  = component + "/estimators/0/oom"
	inPlace    = component + "/actuation/inPlace"
)

// minimal and full are the samples that users start from.
func minimal() *unstructured.Unstructured {
	return object(file(samples + "clusterscaler-minimal.yaml"))
}
func full() *unstructured.Unstructured { return object(file(samples + "clusterscaler-full.yaml")) }

// target is a component's name and its target; # is a number.
const target = `{name: c#, target: {kind: Deployment, name: w#, container: main}}`

var _ = Describe("ClusterScaler", func() {
	DescribeTable("takes", func(ctx SpecContext, changes ...change) {
		accepts(ctx, changed(full(), changes...))
	},
		Entry("mode Off, quoted", change{"/spec/mode", `"Off"`}),
		Entry("mode DryRun", change{"/spec/mode", "DryRun"}),
		Entry("16 components", change{"/spec/components", list(16, target)}),
		Entry("two containers of one workload", change{"/spec/components",
			`[{name: a, target: {kind: Deployment, name: w, container: a}}, {name: b, target: {kind: Deployment, name: w, container: b}}]`}),
		Entry("the same name of two kinds", change{"/spec/components",
			`[{name: a, target: {kind: Deployment, name: w, container: a}}, {name: b, target: {kind: StatefulSet, name: w, container: a}}]`}),
		Entry("a component's name of 40 characters", change{component + "/name", letters(40)}),
		Entry("a component's name of one character", change{component + "/name", "a"}),
		Entry("a component's name with digits and dashes", change{component + "/name", "etcd-3-events"}),
		Entry("a StatefulSet", change{component + "/target/kind", "StatefulSet"}),
		Entry("a workload's name with dots", change{component + "/target/name", "kube-apiserver.v1.36"}),
		Entry("a workload's name of 253 characters", change{component + "/target/name", letters(253)}),
		Entry("a container's name of 63 characters", change{component + "/target/container", letters(63)}),

		Entry("no bounds", change{bounds, ""}),
		Entry("no minimum", change{bounds + "/min", ""}),
		Entry("no maximum", change{bounds + "/max", ""}),
		Entry("a minimum of cpu and a maximum of memory", change{bounds, "{min: {cpu: 8}, max: {memory: 4Mi}}"}),
		Entry("min equal to max", change{bounds, "{min: {cpu: 1, memory: 1Gi}, max: {cpu: 1, memory: 1Gi}}"}),
		Entry("min equal to max in another notation", change{bounds, "{min: {cpu: 1000m, memory: 1024Mi}, max: {cpu: 1, memory: 1Gi}}"}),
		Entry("bounds that are numbers", change{bounds, "{min: {cpu: 1, memory: 536870912}, max: {cpu: 2, memory: 1073741824}}"}),
		Entry("a number and a quantity", change{bounds, "{min: {memory: 536870912}, max: {memory: 1Gi}}"}),
		Entry("decimal fractions, quoted", change{bounds, `{min: {cpu: "0.5", memory: 1.5Gi}}`}),
		Entry("the least bounds", change{bounds, "{min: {cpu: 1m, memory: 4Mi}}"}),

		Entry("an empty scaleUp, which has defaults", change{scaleUp, "{}"}),
		Entry("scaleUp Disabled", change{scaleUp + "/state", "Disabled"}),
		Entry("maxIncreasesPerDay 1", change{scaleUp + "/maxIncreasesPerDay", "1"}),
		Entry("maxIncreasesPerDay 32", change{scaleUp + "/maxIncreasesPerDay", "32"}),
		Entry("a trigger without settings", change{oomTrigger, ""}),
		Entry("nodeKillBelowPercent 0", change{oomTrigger + "/nodeKillBelowPercent", "0"}),
		Entry("nodeKillBelowPercent 90", change{oomTrigger + "/nodeKillBelowPercent", "90"}),

		Entry("an estimator without settings", change{estimator, ""}),
		Entry("bumpPercent 5", change{estimator + "/bumpPercent", "5"}),
		Entry("bumpPercent 400, equal to maxBumpPercent", change{estimator, "{bumpPercent: 400, maxBumpPercent: 400}"}),
		Entry("maxBumpPercent 5", change{estimator, "{bumpPercent: 5, maxBumpPercent: 5}"}),
		Entry("maxBumpPercent 900", change{estimator + "/maxBumpPercent", "900"}),
		Entry("minBump 1Mi", change{estimator + "/minBump", "1Mi"}),
		Entry("minBump as a number", change{estimator + "/minBump", "1048576"}),
		Entry("repeatWindowSeconds 60", change{estimator + "/repeatWindowSeconds", "60"}),
		Entry("repeatWindowSeconds 604800", change{estimator + "/repeatWindowSeconds", "604800"}),
		Entry("floorHalfLifeSeconds 3600", change{estimator + "/floorHalfLifeSeconds", "3600"}),
		Entry("floorHalfLifeSeconds 31536000", change{estimator + "/floorHalfLifeSeconds", "31536000"}),

		Entry("an empty actuation, which has defaults", change{component + "/actuation", "{}"}),
		Entry("an actuation without settings", change{inPlace, ""}),
		Entry("template Leave", change{inPlace + "/template", "Leave"}),
		Entry("fallbackAfterSeconds 0", change{inPlace + "/fallbackAfterSeconds", "0"}),
		Entry("fallbackAfterSeconds 86400", change{inPlace + "/fallbackAfterSeconds", "86400"}),
		Entry("watchSeconds 1", change{inPlace + "/watchSeconds", "1"}),
		Entry("watchSeconds 86400", change{inPlace + "/watchSeconds", "86400"}),
		Entry("onForeignOwner TakeOver", change{inPlace + "/onForeignOwner", "TakeOver"}),
	)

	DescribeTable("refuses", func(ctx SpecContext, c change, field, words string) {
		refuses(ctx, changed(full(), c), field, words)
	},
		Entry("no spec", change{"/spec", ""}, "spec", "Required value"),
		Entry("an unknown mode", change{"/spec/mode", "Dry"}, "spec.mode", `Unsupported value: "Dry": supported values: "Off", "DryRun", "Auto"`),
		Entry("a bare Off, which YAML reads as false", change{"/spec/mode", "Off"}, "spec.mode", `must be of type string: "boolean"`),
		Entry("no components", change{"/spec/components", ""}, "spec.components", "Required value"),
		Entry("empty components", change{"/spec/components", "[]"}, "spec.components", "should have at least 1 items"),
		Entry("17 components", change{"/spec/components", list(17, target)}, "spec.components", "must have at most 16 items"),
		Entry("a component's name twice", change{"/spec/components", list(2, `{name: c, target: {kind: Deployment, name: w#, container: main}}`)},
			"spec.components[1]", `Duplicate value: {"name":"c"}`),
		Entry("a container twice", change{"/spec/components", list(2, `{name: c#, target: {kind: Deployment, name: w, container: main}}`)},
			"spec.components", "two components name the same container of the same workload: keep one of them"),
		Entry("an unknown field", change{"/spec/componets", "[]"}, `unknown field "spec.componets"`, ""),

		Entry("no name of a component", change{component + "/name", ""}, "spec.components[0].name", "Required value"),
		Entry("an empty name of a component", change{component + "/name", `""`}, "spec.components[0].name", "should be at least 1 chars long"),
		Entry("a component's name of 41 characters", change{component + "/name", letters(41)}, "spec.components[0].name", "may not be more than 40"),
		Entry("a component's name with dots", change{component + "/name", "kube.apiserver"},
			"spec.components[0].name", "name must be lower-case letters, digits and '-', e.g. kube-apiserver"),
		Entry("a component's name with capitals", change{component + "/name", "kubeApiserver"}, "spec.components[0].name", "name must be lower-case letters"),
		Entry("a component's name that ends with a dash", change{component + "/name", "etcd-"}, "spec.components[0].name", "name must be lower-case letters"),
		Entry("no target", change{component + "/target", ""}, "spec.components[0].target", "Required value"),
		Entry("no kind", change{component + "/target/kind", ""}, "spec.components[0].target.kind", "Required value"),
		Entry("a kind that cannot be resized", change{component + "/target/kind", "DaemonSet"},
			"spec.components[0].target.kind", `Unsupported value: "DaemonSet": supported values: "Deployment", "StatefulSet"`),
		Entry("no workload's name", change{component + "/target/name", ""}, "spec.components[0].target.name", "Required value"),
		Entry("an empty workload's name", change{component + "/target/name", `""`}, "spec.components[0].target.name", "should be at least 1 chars long"),
		Entry("a workload's name of 254 characters", change{component + "/target/name", letters(254)}, "spec.components[0].target.name", "may not be more than 253"),
		Entry("no container", change{component + "/target/container", ""}, "spec.components[0].target.container", "Required value"),
		Entry("an empty container", change{component + "/target/container", `""`}, "spec.components[0].target.container", "should be at least 1 chars long"),
		Entry("a container's name of 64 characters", change{component + "/target/container", letters(64)}, "spec.components[0].target.container", "may not be more than 63"),

		Entry("empty bounds", change{bounds, "{}"}, "spec.components[0].bounds", "at least one of the fields in [min max] must be set"),
		Entry("an empty minimum", change{bounds + "/min", "{}"}, "spec.components[0].bounds.min", "at least one of the fields in [cpu memory] must be set"),
		Entry("min.memory above max.memory", change{bounds, "{min: {memory: 2Gi}, max: {memory: 2000Mi}}"},
			"spec.components[0].bounds", "min.memory is larger than max.memory: set min.memory to at most max.memory"),
		Entry("min.memory above max.memory, as numbers", change{bounds, "{min: {memory: 1073741825}, max: {memory: 1Gi}}"},
			"spec.components[0].bounds", "min.memory is larger than max.memory: set min.memory to at most max.memory"),
		Entry("min.cpu above max.cpu", change{bounds, "{min: {cpu: 1001m}, max: {cpu: 1}}"},
			"spec.components[0].bounds", "min.cpu is larger than max.cpu: set min.cpu to at most max.cpu"),
		Entry("memory without its unit", change{bounds + "/min/memory", "512"},
			"spec.components[0].bounds.min", "memory must be at least 4Mi: write bytes with a unit, e.g. 512Mi or 2Gi"),
		Entry("negative memory", change{bounds + "/min/memory", "-1Gi"}, "spec.components[0].bounds.min", "memory must be at least 4Mi"),
		Entry("memory that is no quantity", change{bounds + "/min/memory", "512MB"}, "spec.components[0].bounds.min.memory", "Invalid value"),
		Entry("a bare decimal fraction, which YAML reads as a float", change{bounds + "/min/cpu", "0.5"},
			"spec.components[0].bounds.min.cpu", `must be of type integer,string: "number"`),
		Entry("a quantity of 33 characters", change{bounds + "/min/memory", `"000000000000000000000000000000512"`},
			"spec.components[0].bounds.min.memory", "may not be more than 32"),
		Entry("next to no cpu", change{bounds + "/max/cpu", "500u"},
			"spec.components[0].bounds.max", "cpu must be at least 1m: write cores, e.g. 250m or 2"),
		Entry("no cpu at all", change{bounds + "/max/cpu", "0"}, "spec.components[0].bounds.max", "cpu must be at least 1m"),

		Entry("an unknown state", change{scaleUp + "/state", `"Off"`},
			"spec.components[0].scaleUp.state", `Unsupported value: "Off": supported values: "Enabled", "Disabled"`),
		Entry("no triggers", change{scaleUp + "/triggers", "[]"}, "spec.components[0].scaleUp.triggers", "should have at least 1 items"),
		Entry("9 triggers", change{scaleUp + "/triggers", list(9, "{type: OOM}")}, "spec.components[0].scaleUp.triggers", "must have at most 8 items"),
		Entry("a trigger twice", change{scaleUp + "/triggers", list(2, "{type: OOM}")}, "spec.components[0].scaleUp.triggers[1]", `Duplicate value: {"type":"OOM"}`),
		Entry("a trigger without a type", change{scaleUp + "/triggers", "[{oom: {}}]"}, "spec.components[0].scaleUp.triggers[0].type", "Required value"),
		Entry("an unknown trigger", change{scaleUp + "/triggers", "[{type: Whim}]"},
			"spec.components[0].scaleUp.triggers[0].type", `Unsupported value: "Whim"`),
		Entry("maxIncreasesPerDay 0", change{scaleUp + "/maxIncreasesPerDay", "0"}, "scaleUp.maxIncreasesPerDay", "should be greater than or equal to 1"),
		Entry("maxIncreasesPerDay 33", change{scaleUp + "/maxIncreasesPerDay", "33"}, "scaleUp.maxIncreasesPerDay", "should be less than or equal to 32"),
		Entry("nodeKillBelowPercent -1", change{oomTrigger + "/nodeKillBelowPercent", "-1"}, "oom.nodeKillBelowPercent", "should be greater than or equal to 0"),
		Entry("nodeKillBelowPercent 91", change{oomTrigger + "/nodeKillBelowPercent", "91"}, "oom.nodeKillBelowPercent", "should be less than or equal to 90"),

		Entry("no estimators", change{component + "/estimators", "[]"}, "spec.components[0].estimators", "should have at least 1 items"),
		Entry("9 estimators", change{component + "/estimators", list(9, "{type: OOM}")}, "spec.components[0].estimators", "must have at most 8 items"),
		Entry("an estimator twice", change{component + "/estimators", list(2, "{type: OOM}")}, "spec.components[0].estimators[1]", `Duplicate value: {"type":"OOM"}`),
		Entry("an estimator without a type", change{component + "/estimators", "[{oom: {}}]"}, "spec.components[0].estimators[0].type", "Required value"),
		Entry("an unknown estimator", change{component + "/estimators", "[{type: Guess}]"},
			"spec.components[0].estimators[0].type", `Unsupported value: "Guess": supported values: "OOM"`),
		Entry("bumpPercent 4", change{estimator + "/bumpPercent", "4"}, "oom.bumpPercent", "should be greater than or equal to 5"),
		Entry("bumpPercent 401", change{estimator, "{bumpPercent: 401, maxBumpPercent: 900}"}, "oom.bumpPercent", "should be less than or equal to 400"),
		Entry("bumpPercent above maxBumpPercent", change{estimator, "{bumpPercent: 101, maxBumpPercent: 100}"},
			"spec.components[0].estimators[0].oom", "bumpPercent is larger than maxBumpPercent: lower bumpPercent or raise maxBumpPercent"),
		Entry("the default bumpPercent above maxBumpPercent", change{estimator, "{maxBumpPercent: 49}"},
			"spec.components[0].estimators[0].oom", "bumpPercent is larger than maxBumpPercent: lower bumpPercent or raise maxBumpPercent"),
		Entry("maxBumpPercent 4", change{estimator + "/maxBumpPercent", "4"}, "oom.maxBumpPercent", "should be greater than or equal to 5"),
		Entry("maxBumpPercent 901", change{estimator + "/maxBumpPercent", "901"}, "oom.maxBumpPercent", "should be less than or equal to 900"),
		Entry("minBump without its unit", change{estimator + "/minBump", "32"}, "oom.minBump", "minBump must be at least 1Mi: write bytes with a unit, e.g. 32Mi"),
		Entry("repeatWindowSeconds 59", change{estimator + "/repeatWindowSeconds", "59"}, "oom.repeatWindowSeconds", "should be greater than or equal to 60"),
		Entry("repeatWindowSeconds 604801", change{estimator + "/repeatWindowSeconds", "604801"}, "oom.repeatWindowSeconds", "should be less than or equal to 604800"),
		Entry("floorHalfLifeSeconds 3599", change{estimator + "/floorHalfLifeSeconds", "3599"}, "oom.floorHalfLifeSeconds", "should be greater than or equal to 3600"),
		Entry("floorHalfLifeSeconds 31536001", change{estimator + "/floorHalfLifeSeconds", "31536001"}, "oom.floorHalfLifeSeconds", "should be less than or equal to 31536000"),

		Entry("an unknown actuation", change{component + "/actuation/type", "Restart"},
			"spec.components[0].actuation.type", `Unsupported value: "Restart": supported values: "InPlace"`),
		Entry("an unknown template policy", change{inPlace + "/template", "Ignore"},
			"actuation.inPlace.template", `Unsupported value: "Ignore": supported values: "Converge", "Leave"`),
		Entry("fallbackAfterSeconds -1", change{inPlace + "/fallbackAfterSeconds", "-1"}, "inPlace.fallbackAfterSeconds", "should be greater than or equal to 0"),
		Entry("fallbackAfterSeconds 86401", change{inPlace + "/fallbackAfterSeconds", "86401"}, "inPlace.fallbackAfterSeconds", "should be less than or equal to 86400"),
		Entry("watchSeconds 0", change{inPlace + "/watchSeconds", "0"}, "inPlace.watchSeconds", "should be greater than or equal to 1"),
		Entry("watchSeconds 86401", change{inPlace + "/watchSeconds", "86401"}, "inPlace.watchSeconds", "should be less than or equal to 86400"),
		Entry("an unknown policy for foreign owners", change{inPlace + "/onForeignOwner", "Fight"},
			"actuation.inPlace.onForeignOwner", `Unsupported value: "Fight": supported values: "Hold", "TakeOver"`),
		Entry("an unknown field deep down", change{inPlace + "/watchSecond", "1"}, `unknown field "spec.components[0].actuation.inPlace.watchSecond"`, ""),
	)

	DescribeTable("fills in", func(ctx SpecContext, c change, at []string, want any) {
		got, err := tried(ctx, changed(minimal(), c))
		Expect(err).NotTo(HaveOccurred())
		value := any(got.Object)
		for _, step := range at {
			if items, ok := value.([]any); ok {
				value = items[0]
			}
			Expect(value).To(HaveKey(step))
			value = value.(map[string]any)[step]
		}
		Expect(value).To(Equal(want))
	},
		Entry("mode DryRun", change{"/spec/mode", "null"}, []string{"spec", "mode"}, "DryRun"),
		Entry("scaleUp", change{scaleUp, "{}"}, []string{"spec", "components", "scaleUp"},
			map[string]any{"state": "Enabled", "maxIncreasesPerDay": int64(6)}),
		Entry("a trigger's settings", change{scaleUp, "{triggers: [{type: OOM, oom: {}}]}"}, []string{"spec", "components", "scaleUp", "triggers", "oom"},
			map[string]any{"nodeKillBelowPercent": int64(40)}),
		Entry("an estimator's settings", change{component + "/estimators", "[{type: OOM, oom: {}}]"}, []string{"spec", "components", "estimators", "oom"},
			map[string]any{"bumpPercent": int64(50), "maxBumpPercent": int64(400), "minBump": "32Mi", "repeatWindowSeconds": int64(3600), "floorHalfLifeSeconds": int64(604800)}),
		Entry("an actuation", change{component + "/actuation", "{inPlace: {}}"}, []string{"spec", "components", "actuation"},
			map[string]any{"type": "InPlace", "inPlace": map[string]any{
				"template": "Converge", "fallbackAfterSeconds": int64(60), "watchSeconds": int64(600), "onForeignOwner": "Hold"}}),
	)

	It("leaves out what the manager has defaults for, so that a later default reaches old objects", func(ctx SpecContext) {
		got, err := tried(ctx, minimal())
		Expect(err).NotTo(HaveOccurred())
		components, _, err := unstructured.NestedSlice(got.Object, "spec", "components")
		Expect(err).NotTo(HaveOccurred())
		Expect(components[0]).To(And(HaveLen(2), HaveKey("name"), HaveKey("target")))
	})

	It("takes every sample, by server-side apply", func(ctx SpecContext) {
		names, err := filepath.Glob(samples + "*.yaml")
		Expect(err).NotTo(HaveOccurred())
		tries := 0
		for _, name := range names {
			if filepath.Base(name) == "kustomization.yaml" {
				continue
			}
			o := client.ApplyConfigurationFromUnstructured(object(file(name)))
			Expect(api.Apply(ctx, o, client.DryRunAll, client.FieldOwner("kubectl"))).To(Succeed(), name)
			tries++
		}
		Expect(tries).To(BeNumerically(">=", 2))
	})

	It("keeps status for its subresource, with bounds of its own", func(ctx SpecContext) {
		scaler := changed(minimal(), change{"/metadata/name", "with-status"}, change{"/status", "{observedGeneration: 7}"})
		Expect(api.Create(ctx, scaler)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(api.Delete(ctx, scaler)).To(Succeed()) })
		Expect(scaler.Object).NotTo(HaveKey("status"))

		status := changed(scaler, change{"/status", file("testdata/clusterscaler-status.yaml")}, change{"/spec/mode", "Auto"})
		Expect(api.SubResource("status").Update(ctx, status)).To(Succeed())
		var typed v1alpha1.ClusterScaler
		Expect(api.Get(ctx, client.ObjectKeyFromObject(scaler), &typed)).To(Succeed())
		Expect(typed.Spec.Mode).To(Equal(v1alpha1.ModeDryRun), "an update of the status leaves the spec alone")
		Expect(typed.Status.Components).To(HaveLen(1))
		Expect(typed.Status.Components[0].OOM.Answered).To(HaveLen(1))

		for _, bad := range []struct {
			change
			field, words string
		}{
			{change{"/status/observedGeneration", "0"}, "status.observedGeneration", "should be greater than or equal to 1"},
			{change{"/status/summary/component", `""`}, "status.summary.component", "should be at least 1 chars long"},
			{change{"/status/summary/component", letters(41)}, "status.summary.component", "may not be more than 40"},
			{change{"/status/summary/verdict", "Fine"}, "status.summary.verdict", "Unsupported value"},
			{change{"/status/summary/reason", letters(65)}, "status.summary.reason", "may not be more than 64"},
			{change{"/status/summary/message", letters(1025)}, "status.summary.message", "may not be more than 1024"},
			{change{"/status/conditions", list(17, `{type: "T#", status: "True", reason: R, message: "", lastTransitionTime: "2026-01-01T00:00:00Z"}`)}, "status.conditions", "must have at most 16 items"},
			{change{"/status/components", list(17, "{name: c#}")}, "status.components", "must have at most 16 items"},
			{change{"/status/components", list(2, "{name: c}")}, "status.components[1]", "Duplicate value"},
			{change{"/status/components/0/name", letters(41)}, "status.components[0].name", "may not be more than 40"},
			{change{"/status/components/0/current/replicas", "-1"}, "current.replicas", "should be greater than or equal to 0"},
			{change{"/status/components/0/gate", letters(33)}, "gate", "may not be more than 32"},
			{change{"/status/components/0/message", letters(1025)}, "message", "may not be more than 1024"},
			{change{"/status/components/0/lastRecord", letters(254)}, "lastRecord", "may not be more than 253"},
			{change{"/status/components/0/openRecord", letters(254)}, "openRecord", "may not be more than 253"},
			{change{"/status/components/0/increaseTimes", list(65, `"2026-01-01T00:00:00Z"`)}, "increaseTimes", "must have at most 64 items"},
			{change{"/status/components/0/revertCount", "-1"}, "revertCount", "should be greater than or equal to 0"},
			{change{"/status/components/0/oom/repeats", "-1"}, "oom.repeats", "should be greater than or equal to 0"},
			{change{"/status/components/0/oom/answered/0/class", "Bad"}, "oom.answered[0].class", "Unsupported value"},
			{change{"/status/components/0/oom/answered/0/restartCount", "-1"}, "answered[0].restartCount", "should be greater than or equal to 0"},
			{change{"/status/components/0/oom/floor/since", ""}, "oom.floor.since", "Required value"},
		} {
			err := api.SubResource("status").Update(ctx, changed(status, bad.change), client.DryRunAll)
			Expect(err).To(MatchError(And(ContainSubstring(bad.field), ContainSubstring(bad.words))), bad.at)
		}
	})

	It("explains itself to kubectl get", func(ctx SpecContext) {
		scaler := changed(minimal(), change{"/metadata/name", "printed"})
		Expect(api.Create(ctx, scaler)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(api.Delete(ctx, scaler)).To(Succeed()) })
		Expect(printed(ctx, "clusterscalers", "printed")).To(Equal([][2]string{
			{"Name", "printed"}, {"Mode", "DryRun"}, {"Ready", ""}, {"Verdict", ""}, {"Component", ""}, {"Reason", ""}, {"Message*", ""}, {"Age", "young"},
		}), "before the manager has seen it")

		Expect(api.SubResource("status").Update(ctx, changed(scaler, change{"/status", file("testdata/clusterscaler-status.yaml")}))).To(Succeed())
		Expect(printed(ctx, "clusterscalers", "printed")).To(Equal([][2]string{
			{"Name", "printed"}, {"Mode", "DryRun"}, {"Ready", "True"}, {"Verdict", "Held"}, {"Component", "kube-apiserver"}, {"Reason", "AtMaximum"},
			{"Message*", "was killed at 16Gi and may not grow further"}, {"Age", "young"},
		}))
	})

	It("answers to its short name and its category", func() {
		resources, err := clients.Discovery().ServerResourcesForGroupVersion(v1alpha1.GroupVersion.String())
		Expect(err).NotTo(HaveOccurred())
		short := map[string][]string{}
		for _, r := range resources.APIResources {
			Expect(r.Namespaced).To(BeTrue(), r.Name)
			if len(r.ShortNames) > 0 {
				short[r.Name] = append(r.ShortNames, r.Categories...)
			}
		}
		Expect(short).To(Equal(map[string][]string{"clusterscalers": {"cscaler", "metapilot"}, "scalingrecords": {"srec", "metapilot"}, "workloadprofiles": {"wprof", "metapilot"}}))
	})

	It("has every field of its spec in the full sample", func() {
		schema := schemaOf("clusterscalers")
		spec, _, err := unstructured.NestedMap(full().Object, "spec")
		Expect(err).NotTo(HaveOccurred())
		Expect(missing("spec", schema.Properties["spec"], []any{spec})).To(BeEmpty())
	})
})
