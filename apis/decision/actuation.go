package decision

// Reasons why carrying out a size failed, or waits.
const (
	// ReasonResizeDeferred: a node has no room for the larger pod now; the kubelet tries again.
	ReasonResizeDeferred Reason = "ResizeDeferred"
	// ReasonResizeInfeasible: a node can never give a pod the size in place.
	ReasonResizeInfeasible Reason = "ResizeInfeasible"
	// ReasonResizeRefused: the API server refuses the size, because of a quota, a limit range or an admission rule.
	ReasonResizeRefused Reason = "ResizeRefused"
	// ReasonTemplateChanged: somebody else set another size in the workload's template while it was being brought in line.
	ReasonTemplateChanged Reason = "TemplateChanged"
	// ReasonRolloutStuck: the rolling update that was to carry the size out does not get on.
	ReasonRolloutStuck Reason = "RolloutStuck"
)
