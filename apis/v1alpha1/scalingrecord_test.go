package v1alpha1_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

const (
	evidence = "/spec/trigger/oom"
	kill     = evidence + "/kills/0"
)

func record() *unstructured.Unstructured { return object(file("testdata/scalingrecord.yaml")) }

const oneKill = `{podUID: u#, container: c, finishedAt: "2026-01-01T00:00:00Z", class: Container}`

var _ = Describe("ScalingRecord", func() {
	DescribeTable("takes", func(ctx SpecContext, changes ...change) {
		accepts(ctx, changed(record(), changes...))
	},
		Entry("every field"),
		Entry("a trigger that needs no evidence", change{"/spec/trigger", "{type: MinimumSize}"}),
		Entry("low use", change{"/spec/trigger", `{type: LowUse, use: {latest: {cpu: 10m}, measuredTime: "2026-11-25T12:00:00Z", low: [{resource: CPU, lowSince: "2026-11-25T00:00:00Z", seenTime: "2026-11-25T12:00:00Z", peak: {cpu: 20m}}]}}`}),
		Entry("a scale-down that is taken back", change{"/spec/trigger", "{type: Undo, use: {undoes: etcd-1}}"}),
		Entry("64 kills", change{evidence + "/kills", list(64, oneKill)}),
		Entry("a kill of which nobody knows when it was", change{kill + "/finishedAt", ""}),
		Entry("a name of 253 characters", change{"/spec/scaler", letters(253)}),
		Entry("a message of 1024 characters", change{"/spec/message", letters(1024)}),
		Entry("a size of which nothing is known but its replicas", change{"/spec/from", "{replicas: 0}"}),
		Entry("what need not be known", change{"/spec/want", ""}, change{"/spec/estimates", ""}, change{"/spec/gates", ""},
			change{"/spec/actuation", ""}, change{"/spec/scalerUID", ""}, change{evidence + "/peak", ""}, change{evidence + "/limitInForce", ""}),
		Entry("16 gates", change{"/spec/gates", list(16, "{name: g#, outcome: Passed}")}),
		Entry("a gate that held", change{"/spec/gates/0/outcome", "Held"}),
		Entry("the least times", change{"/spec/actuation/fallbackAfterSeconds", "0"}, change{"/spec/actuation/watchSeconds", "1"}),
	)

	DescribeTable("refuses", func(ctx SpecContext, c change, field, words string) {
		refuses(ctx, changed(record(), c), field, words)
	},
		Entry("no spec", change{"/spec", ""}, "spec", "Required value"),
		Entry("an unknown field", change{"/spec/why", "x"}, `unknown field "spec.why"`, ""),
		Entry("no scaler", change{"/spec/scaler", ""}, "spec.scaler", "Required value"),
		Entry("an empty scaler", change{"/spec/scaler", `""`}, "spec.scaler", "should be at least 1 chars long"),
		Entry("a scaler of 254 characters", change{"/spec/scaler", letters(254)}, "spec.scaler", "may not be more than 253"),
		Entry("a UID of 65 characters", change{"/spec/scalerUID", letters(65)}, "spec.scalerUID", "may not be more than 64"),
		Entry("no component", change{"/spec/component", ""}, "spec.component", "Required value"),
		Entry("an empty component", change{"/spec/component", `""`}, "spec.component", "should be at least 1 chars long"),
		Entry("a component of 41 characters", change{"/spec/component", letters(41)}, "spec.component", "may not be more than 40"),
		Entry("no target", change{"/spec/target", ""}, "spec.target", "Required value"),
		Entry("no mode", change{"/spec/mode", ""}, "spec.mode", "Required value"),
		Entry("an unknown mode", change{"/spec/mode", "Always"}, "spec.mode", `Unsupported value: "Always"`),
		Entry("no verdict", change{"/spec/verdict", ""}, "spec.verdict", "Required value"),
		Entry("an unknown verdict", change{"/spec/verdict", "Up"},
			"spec.verdict", `Unsupported value: "Up": supported values: "ScaleUp", "ScaleDown", "Steady", "Held", "Unknown"`),
		Entry("no reason", change{"/spec/reason", ""}, "spec.reason", "Required value"),
		Entry("a reason of 65 characters", change{"/spec/reason", letters(65)}, "spec.reason", "may not be more than 64"),
		Entry("no message", change{"/spec/message", ""}, "spec.message", "Required value"),
		Entry("an empty message", change{"/spec/message", `""`}, "spec.message", "should be at least 1 chars long"),
		Entry("a message of 1025 characters", change{"/spec/message", letters(1025)}, "spec.message", "may not be more than 1024"),

		Entry("no trigger", change{"/spec/trigger", ""}, "spec.trigger", "Required value"),
		Entry("an unknown trigger", change{"/spec/trigger/type", "Whim"}, "spec.trigger.type", `Unsupported value: "Whim"`),
		Entry("an OOM without evidence", change{"/spec/trigger", "{type: OOM}"}, "spec.trigger", "oom must be set when type is OOM, and only then"),
		Entry("evidence of an OOM for another trigger", change{"/spec/trigger/type", "MinimumSize"}, "spec.trigger", "oom must be set when type is OOM, and only then"),
		Entry("high use without evidence", change{"/spec/trigger", "{type: HighUse}"}, "spec.trigger", "use must be set when type is HighUse, LowUse or Undo, and only then"),
		Entry("no kills", change{evidence + "/kills", "[]"}, "spec.trigger.oom.kills", "should have at least 1 items"),
		Entry("65 kills", change{evidence + "/kills", list(65, oneKill)}, "spec.trigger.oom.kills", "must have at most 64 items"),
		Entry("repeats -1", change{evidence + "/repeats", "-1"}, "spec.trigger.oom.repeats", "should be greater than or equal to 0"),
		Entry("a kill without its pod", change{kill + "/podUID", ""}, "kills[0].podUID", "Required value"),
		Entry("a kill with an empty pod UID", change{kill + "/podUID", `""`}, "kills[0].podUID", "should be at least 1 chars long"),
		Entry("a pod UID of 65 characters", change{kill + "/podUID", letters(65)}, "kills[0].podUID", "may not be more than 64"),
		Entry("a kill without its container", change{kill + "/container", ""}, "kills[0].container", "Required value"),
		Entry("a kill with an empty container", change{kill + "/container", `""`}, "kills[0].container", "should be at least 1 chars long"),
		Entry("a container of 64 characters", change{kill + "/container", letters(64)}, "kills[0].container", "may not be more than 63"),
		Entry("a container ID of 257 characters", change{kill + "/containerID", letters(257)}, "kills[0].containerID", "may not be more than 256"),
		Entry("a pod name of 254 characters", change{kill + "/pod", letters(254)}, "kills[0].pod", "may not be more than 253"),
		Entry("a kill at no time", change{kill + "/finishedAt", "yesterday"}, "kills[0].finishedAt", "must be of type date-time"),
		Entry("restartCount -1", change{kill + "/restartCount", "-1"}, "kills[0].restartCount", "should be greater than or equal to 0"),
		Entry("missedRestarts -1", change{kill + "/missedRestarts", "-1"}, "kills[0].missedRestarts", "should be greater than or equal to 0"),
		Entry("a kill that was not judged", change{kill + "/class", ""}, "kills[0].class", "Required value"),
		Entry("a kill of an unknown class", change{kill + "/class", "Bad"},
			"kills[0].class", `Unsupported value: "Bad": supported values: "Container", "Node", "Replaced", "NotOOM", "Outlived"`),

		Entry("no from", change{"/spec/from", ""}, "spec.from", "Required value"),
		Entry("no to", change{"/spec/to", ""}, "spec.to", "Required value"),
		Entry("replicas -1", change{"/spec/to/replicas", "-1"}, "spec.to.replicas", "should be greater than or equal to 0"),
		Entry("memory that is no quantity", change{"/spec/to/limits/memory", "much"}, "spec.to.limits.memory", "Invalid value"),

		Entry("an estimator twice", change{"/spec/estimates", list(2, "{estimator: OOM, message: m}")}, "spec.estimates[1]", "Duplicate value"),
		Entry("9 estimates", change{"/spec/estimates", list(9, "{estimator: OOM, message: m}")}, "spec.estimates", "must have at most 8 items"),
		Entry("an unknown estimator", change{"/spec/estimates/0/estimator", "Guess"}, "spec.estimates[0].estimator", `Unsupported value: "Guess"`),
		Entry("an estimate that does not say why", change{"/spec/estimates/0/message", ""}, "spec.estimates[0].message", "Required value"),
		Entry("an estimate with an empty message", change{"/spec/estimates/0/message", `""`}, "spec.estimates[0].message", "should be at least 1 chars long"),
		Entry("an estimate with a message of 1025 characters", change{"/spec/estimates/0/message", letters(1025)}, "spec.estimates[0].message", "may not be more than 1024"),
		Entry("a gate twice", change{"/spec/gates", list(2, "{name: blind, outcome: Passed}")}, "spec.gates[1]", "Duplicate value"),
		Entry("17 gates", change{"/spec/gates", list(17, "{name: g#, outcome: Passed}")}, "spec.gates", "must have at most 16 items"),
		Entry("a gate's name of 33 characters", change{"/spec/gates/0/name", letters(33)}, "spec.gates[0].name", "may not be more than 32"),
		Entry("a gate without an outcome", change{"/spec/gates/0/outcome", ""}, "spec.gates[0].outcome", "Required value"),
		Entry("an unknown outcome", change{"/spec/gates/0/outcome", "Maybe"}, "spec.gates[0].outcome", `Unsupported value: "Maybe": supported values: "Passed", "Held", "NotAsked"`),
		Entry("a gate's message of 1025 characters", change{"/spec/gates/0/message", letters(1025)}, "spec.gates[0].message", "may not be more than 1024"),
		Entry("no time of the decision", change{"/spec/decidedAt", ""}, "spec.decidedAt", "Required value"),

		Entry("an actuation without a type", change{"/spec/actuation/type", ""}, "spec.actuation.type", "Required value"),
		Entry("an unknown actuation", change{"/spec/actuation/type", "Pray"}, "spec.actuation.type", `Unsupported value: "Pray"`),
		Entry("an actuation without a template policy", change{"/spec/actuation/template", ""}, "spec.actuation.template", "Required value"),
		Entry("an unknown template policy", change{"/spec/actuation/template", "Ignore"}, "spec.actuation.template", `Unsupported value: "Ignore"`),
		Entry("no fallbackAfterSeconds", change{"/spec/actuation/fallbackAfterSeconds", ""}, "spec.actuation.fallbackAfterSeconds", "Required value"),
		Entry("fallbackAfterSeconds -1", change{"/spec/actuation/fallbackAfterSeconds", "-1"}, "spec.actuation.fallbackAfterSeconds", "should be greater than or equal to 0"),
		Entry("no watchSeconds", change{"/spec/actuation/watchSeconds", ""}, "spec.actuation.watchSeconds", "Required value"),
		Entry("watchSeconds 0", change{"/spec/actuation/watchSeconds", "0"}, "spec.actuation.watchSeconds", "should be greater than or equal to 1"),
	)

	It("is written once; only its status and its labels change", func(ctx SpecContext) {
		r := changed(record(), change{"/metadata/name", "immutable"}, change{"/status", "{phase: Failed}"})
		Expect(api.Create(ctx, r)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(api.Delete(ctx, r)).To(Succeed()) })
		Expect(r.Object).NotTo(HaveKey("status"), "a record is born without a status")

		for _, c := range []change{
			{"/spec/message", "nothing to see here"},
			{"/spec/to/limits/memory", "1Gi"},
			{kill + "/restartCount", "2"},
			{"/spec/scalerUID", ""},
		} {
			Expect(api.Update(ctx, changed(r, c))).To(
				MatchError(ContainSubstring("a record's spec cannot be changed: it is what was seen and decided at the time")), c.at)
		}
		Expect(api.Update(ctx, changed(r, change{"/metadata/labels/team", "a"}), client.DryRunAll)).To(Succeed())

		status := changed(r, change{"/status", file("testdata/scalingrecord-status.yaml")}, change{"/spec/message", "ignored"})
		Expect(api.SubResource("status").Update(ctx, status)).To(Succeed())
		var typed v1alpha1.ScalingRecord
		Expect(api.Get(ctx, client.ObjectKeyFromObject(r), &typed)).To(Succeed())
		Expect(typed.Spec.Message).To(Equal("killed at 512Mi; 768Mi answers it"))
		Expect(typed.Status.Phase).To(Equal(v1alpha1.PhaseSucceeded))
		Expect(typed.Status.Timeline).To(HaveLen(2))

		for _, bad := range []struct {
			change
			field, words string
		}{
			{change{"/status/phase", "Done"}, "status.phase", `Unsupported value: "Done"`},
			{change{"/status/message", letters(1025)}, "status.message", "may not be more than 1024"},
			{change{"/status/timeline", list(17, `{step: Failed, time: "2026-01-01T00:00:00.000000Z"}`)}, "status.timeline", "must have at most 16 items"},
			{change{"/status/timeline", list(2, `{step: Failed, time: "2026-01-01T00:00:00.000000Z"}`)}, "status.timeline[1]", "Duplicate value"},
			{change{"/status/timeline/0/step", "Slept"}, "status.timeline[0].step", `Unsupported value: "Slept"`},
			{change{"/status/timeline/0/time", ""}, "status.timeline[0].time", "Required value"},
			{change{"/status/timeline/0/message", letters(1025)}, "status.timeline[0].message", "may not be more than 1024"},
			{change{"/status/killsWhileWatched", "-1"}, "status.killsWhileWatched", "should be greater than or equal to 0"},
		} {
			err := api.SubResource("status").Update(ctx, changed(status, bad.change), client.DryRunAll)
			Expect(err).To(MatchError(And(ContainSubstring(bad.field), ContainSubstring(bad.words))), bad.at)
		}

		Expect(printed(ctx, "scalingrecords", "immutable")).To(Equal([][2]string{
			{"Name", "immutable"}, {"Component", "kube-apiserver"}, {"Mode", "Auto"}, {"Verdict", "ScaleUp"}, {"Reason", "OOMKilled"},
			{"From", "512Mi"}, {"To", "768Mi"}, {"Phase", "Succeeded"}, {"Message*", "killed at 512Mi; 768Mi answers it"}, {"Age", "young"},
		}))
	})

	It("is tested with every field", func() {
		schema := schemaOf("scalingrecords")
		spec, _, err := unstructured.NestedMap(record().Object, "spec")
		Expect(err).NotTo(HaveOccurred())
		// want, and the parts of a size that an example need not repeat, are sizes as from and to are.
		Expect(missing("spec", schema.Properties["spec"], []any{spec})).To(ConsistOf(
			"spec.estimates[].lower.cpu", "spec.estimates[].target.cpu", "spec.estimates[].upper.cpu",
			"spec.from.limits.cpu", "spec.to.limits.cpu", "spec.want.limits.cpu", "spec.want.replicas", "spec.want.requests",
			"spec.trigger.oom.limitInForce.cpu", "spec.trigger.oom.peak.cpu",
			"spec.trigger.use", // a record of an OOM has none
		))
	})
})
