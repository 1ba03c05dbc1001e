package v1alpha1_test

import . "github.com/onsi/ginkgo/v2"

const (
	trigger     = scaleUp + "/triggers/0"
	estimate    = component + "/estimators/0"
	scaleDown   = component + "/scaleDown"
	down        = scaleDown + "/triggers/0"
	windows     = scaleDown + "/maintenanceWindows"
	pause       = "/spec/pause"
	inComponent = "spec.components[0]."
)

var _ = Describe("What makes a component larger before a kill, or smaller", func() {
	DescribeTable("takes", func(ctx SpecContext, changes ...change) {
		accepts(ctx, changed(full(), changes...))
	},
		Entry("no scaleDown", change{scaleDown, ""}),
		Entry("scaleDown Disabled", change{scaleDown, "{state: Disabled}"}),
		Entry("a trigger for memory only", change{scaleDown + "/triggers", "[{type: Memory}]"}),
		Entry("the least of everything", change{scaleDown, "{windowSeconds: 60, cooldownSeconds: 60, quietSeconds: 60, maxStepPercent: 1, minChangePercent: 1, watchSeconds: 1}"}),
		Entry("the most of everything", change{scaleDown, "{windowSeconds: 604800, cooldownSeconds: 2592000, quietSeconds: 2592000, maxStepPercent: 25, minChangePercent: 25, watchSeconds: 86400}"}),
		Entry("a window of every day at midnight", change{windows, `[{start: "00:00", durationSeconds: 86400}]`}),
		Entry("a window that begins in the last minute", change{windows, `[{start: "23:59", durationSeconds: 60}]`}),
		Entry("no pause", change{pause, ""}),
		Entry("a pause of everything", change{pause, `{until: "2030-01-01T00:00:00Z"}`}),
		Entry("high use of the request", change{scaleUp + "/triggers", "[{type: CPU, cpu: {abovePercent: 1000, of: Request, forSeconds: 0}}, {type: OOM}]"}),
		Entry("an estimator's priority", change{estimate + "/priority", "100"}),
		Entry("estimators without settings", change{component + "/estimators", "[{type: Profile}, {type: Utilization}]"}),
	)

	DescribeTable("refuses", func(ctx SpecContext, c change, field, words string) {
		refuses(ctx, changed(full(), c), field, words)
	},
		Entry("oom with another trigger", change{component + "/scaleUp/triggers", "[{type: CPU, oom: {nodeKillBelowPercent: 1}}]"}, inComponent+"scaleUp.triggers[0]", "oom is only allowed when type is OOM: remove it, or set type: OOM"),
		Entry("cpu with another trigger", change{component + "/scaleUp/triggers", "[{type: OOM, cpu: {abovePercent: 50}}]"}, inComponent+"scaleUp.triggers[0]", "cpu is only allowed when type is CPU: remove it, or set type: CPU"),
		Entry("memory with another trigger", change{component + "/scaleUp/triggers", "[{type: OOM, memory: {abovePercent: 50}}]"}, inComponent+"scaleUp.triggers[0]", "memory is only allowed when type is Memory: remove it, or set type: Memory"),
		Entry("high use above 9%", change{trigger, "{type: CPU, cpu: {abovePercent: 9}}"}, "abovePercent", "should be greater than or equal to 10"),
		Entry("high use of something else", change{trigger, "{type: CPU, cpu: {of: Node}}"}, "of", `Unsupported value: "Node"`),
		Entry("profile with another estimator", change{component + "/estimators", "[{type: OOM, profile: {marginPercent: 5}}]"}, inComponent+"estimators[0]", "profile is only allowed when type is Profile: remove it, or set type: Profile"),
		Entry("utilization with another estimator", change{component + "/estimators", "[{type: OOM, utilization: {targetPercent: 50}}]"}, inComponent+"estimators[0]", "utilization is only allowed when type is Utilization: remove it, or set type: Utilization"),
		Entry("cpu with another trigger of scaleDown", change{scaleDown + "/triggers", "[{type: Memory, cpu: {belowPercent: 50}}]"}, inComponent+"scaleDown.triggers[0]", "cpu is only allowed when type is CPU: remove it, or set type: CPU"),
		Entry("memory with another trigger of scaleDown", change{scaleDown + "/triggers", "[{type: CPU, memory: {belowPercent: 50}}]"}, inComponent+"scaleDown.triggers[0]", "memory is only allowed when type is Memory: remove it, or set type: Memory"),
		Entry("OOM as a trigger of scaleDown", change{scaleDown + "/triggers", "[{type: OOM}]"}, "scaleDown.triggers[0].type", `Unsupported value: "OOM"`),
		Entry("an empty scaleDown", change{scaleDown, "{}"}, inComponent+"scaleDown", "should have at least 1 properties"),
		Entry("a step of more than a quarter", change{scaleDown + "/maxStepPercent", "26"}, "maxStepPercent", "should be less than or equal to 25"),
		Entry("a window of less than a minute", change{scaleDown + "/windowSeconds", "59"}, "windowSeconds", "should be greater than or equal to 60"),
		Entry("a start that is no time of day", change{windows, `[{start: "24:00", durationSeconds: 60}]`}, "maintenanceWindows[0].start", `start must be a time of day between 00:00 and 23:59, e.g. "22:00"`),
		Entry("a window without length", change{windows, `[{start: "22:00"}]`}, "durationSeconds", "Required value"),
		Entry("an unknown day", change{windows, `[{days: [Caturday], start: "22:00", durationSeconds: 60}]`}, "days[0]", `Unsupported value: "Caturday"`),
		Entry("a pause without an end", change{pause, "{reason: because}"}, "spec.pause.until", "Required value"),
		Entry("a priority of 101", change{estimate + "/priority", "101"}, "priority", "should be less than or equal to 100"),
	)
})
