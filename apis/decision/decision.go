package decision

// Verdict is what a plan concludes for one component.
// +kubebuilder:validation:Enum=ScaleUp;ScaleDown;Steady;Held;Unknown
type Verdict string

const (
	// VerdictScaleUp means that the component is given more.
	VerdictScaleUp Verdict = "ScaleUp"
	// VerdictScaleDown means that the component is given less.
	VerdictScaleDown Verdict = "ScaleDown"
	// VerdictSteady means that every signal was read and none asks for a change.
	VerdictSteady Verdict = "Steady"
	// VerdictHeld means that a change is wanted and a gate or the upper bound holds it; the reason says which.
	VerdictHeld Verdict = "Held"
	// VerdictUnknown means that too little is known to say anything; nothing is changed.
	VerdictUnknown Verdict = "Unknown"
)

// Gate is one check that can hold a change. The order in which gates are asked is API: see Gates.
// +kubebuilder:validation:MaxLength=32
type Gate string

const (
	// GateSuspended holds when the scaler's mode is Off or the direction is disabled.
	GateSuspended Gate = "suspended"
	// GateUnmanaged holds when the workload has no replicas or carries another tool's marker.
	GateUnmanaged Gate = "unmanaged"
	// GateConflicted holds when another writer owns the size.
	GateConflicted Gate = "conflicted"
	// GateBlind holds when what must be known to act is not known.
	GateBlind Gate = "blind"
	// GateUnsettled holds while an earlier change or somebody else's rollout is under way.
	GateUnsettled Gate = "unsettled"
	// GateOutsideWindow holds a scale-down outside of the maintenance windows.
	GateOutsideWindow Gate = "outsideWindow"
	// GateCoolingDown holds when the last change is too recent.
	GateCoolingDown Gate = "coolingDown"
	// GateRecentTrouble holds a scale-down for a while after trouble.
	GateRecentTrouble Gate = "recentTrouble"
	// GateLeaking holds when memory was raised too often in a day.
	GateLeaking Gate = "leaking"
	// GateTooSmall holds when the change is smaller than is worth making; it never holds urgent growth.
	GateTooSmall Gate = "tooSmall"
	// GateOverBudget holds a scale-down when the fleet has had as many as it may have at a time.
	GateOverBudget Gate = "overBudget"
)

// Gates is the order in which plan.Decide asks the gates; the first that holds is the reason the user sees.
func Gates() []Gate {
	return []Gate{GateSuspended, GateUnmanaged, GateConflicted, GateBlind, GateUnsettled, GateOutsideWindow, GateCoolingDown,
		GateRecentTrouble, GateLeaking, GateTooSmall, GateOverBudget}
}

// PassedByUrgent tells whether urgent growth passes the gate without being asked.
func (g Gate) PassedByUrgent() bool {
	switch g {
	case GateUnsettled, GateOutsideWindow, GateCoolingDown, GateTooSmall, GateOverBudget:
		return true
	default:
		return false
	}
}

// Reason is the one-word why of a verdict, a condition, an event and a metric label.
// +kubebuilder:validation:MaxLength=64
type Reason string

// Reasons of verdicts. A Held verdict's reason says why its gate holds.
const (
	// ReasonOOMKilled: a container was killed at its memory limit.
	ReasonOOMKilled Reason = "OOMKilled"
	// ReasonNodeOutOfMemory: a container was killed far below its limit, so the node ran out of memory, not the container.
	ReasonNodeOutOfMemory Reason = "NodeOutOfMemory"
	// ReasonUseHigh: a container has used more of its size than a trigger allows, for as long as the trigger says.
	ReasonUseHigh Reason = "UseHigh"
	// ReasonUseLow: a component has used less of its size than its triggers say, for the whole observation window.
	ReasonUseLow Reason = "UseLow"
	// ReasonUndone: trouble came while a scale-down was watched, so it is taken back.
	ReasonUndone Reason = "Undone"
	// ReasonObserving: use is low, but not yet for the whole observation window.
	ReasonObserving Reason = "Observing"
	// ReasonWithinBounds: the size lies within what every estimator asks for.
	ReasonWithinBounds Reason = "WithinBounds"
	// ReasonModeOff: the scaler's mode is Off.
	ReasonModeOff Reason = "ModeOff"
	// ReasonScaleUpDisabled: the component's scaleUp.state is Disabled.
	ReasonScaleUpDisabled Reason = "ScaleUpDisabled"
	// ReasonScaleDownDisabled: the component's scaleDown.state is Disabled.
	ReasonScaleDownDisabled Reason = "ScaleDownDisabled"
	// ReasonPaused: a person has paused the direction, until a time.
	ReasonPaused Reason = "Paused"
	// ReasonTriggerDisabled: no trigger of the component's scaleUp answers this signal.
	ReasonTriggerDisabled Reason = "TriggerDisabled"
	// ReasonNoReplicas: the workload is scaled to zero.
	ReasonNoReplicas Reason = "NoReplicas"
	// ReasonPausedByOthers: the workload was paused by somebody else, or carries another tool's marker.
	ReasonPausedByOthers Reason = "PausedByOthers"
	// ReasonWorkloadNotFound: the target's workload does not exist.
	ReasonWorkloadNotFound Reason = "WorkloadNotFound"
	// ReasonContainerNotFound: the target's workload has no such container.
	ReasonContainerNotFound Reason = "ContainerNotFound"
	// ReasonAnotherScaler: the namespace has an older ClusterScaler, and only one may act.
	ReasonAnotherScaler Reason = "AnotherScaler"
	// ReasonForeignOwner: a field manager, operator or Git tool other than Metapilot owns the workload's size.
	ReasonForeignOwner Reason = "ForeignOwner"
	// ReasonReverted: what Metapilot wrote was undone by another writer three times.
	ReasonReverted Reason = "Reverted"
	// ReasonChangeInProgress: an earlier change is still being carried out.
	ReasonChangeInProgress Reason = "ChangeInProgress"
	// ReasonRolloutInProgress: a rollout that Metapilot did not start is under way.
	ReasonRolloutInProgress Reason = "RolloutInProgress"
	// ReasonSignalsMissing: a signal or a profile that the change needs is absent, stale or not trusted yet.
	ReasonSignalsMissing Reason = "SignalsMissing"
	// ReasonFleetBlind: so many tenants have lost their signals that nothing shrinks anywhere.
	ReasonFleetBlind Reason = "FleetBlind"
	// ReasonFleetAgrees: so many tenants want to shrink at once that an error of measurement is likelier than a need.
	ReasonFleetAgrees Reason = "FleetAgrees"
	// ReasonOutsideMaintenanceWindow: no maintenance window is open.
	ReasonOutsideMaintenanceWindow Reason = "OutsideMaintenanceWindow"
	// ReasonCooldown: the last change is too recent.
	ReasonCooldown Reason = "Cooldown"
	// ReasonRecentTrouble: there was trouble too short a while ago.
	ReasonRecentTrouble Reason = "RecentTrouble"
	// ReasonUnhealthy: not every replica is ready.
	ReasonUnhealthy Reason = "Unhealthy"
	// ReasonBudgetSpent: the fleet has had as many scale-downs as it may have at a time.
	ReasonBudgetSpent Reason = "BudgetSpent"
	// ReasonLeakSuspected: memory was raised so often within a day that a leak is likelier than a need.
	ReasonLeakSuspected Reason = "LeakSuspected"
	// ReasonAtMaximum: the component is in trouble at its upper bound.
	ReasonAtMaximum Reason = "AtMaximum"
	// ReasonFitsNoNode: no node could hold a larger size.
	ReasonFitsNoNode Reason = "FitsNoNode"
	// ReasonQOSClassWouldChange: the wanted size would change the pod's QoS class, which a resize may not.
	ReasonQOSClassWouldChange Reason = "QOSClassWouldChange"
	// ReasonNoLimit: the container has neither a memory limit nor a request that could be raised.
	ReasonNoLimit Reason = "NoLimit"
	// ReasonBelowMinimumChange: the change is too small to be worth making.
	ReasonBelowMinimumChange Reason = "BelowMinimumChange"
	// ReasonBelowMinimum: the size lies below the component's bounds.min.
	ReasonBelowMinimum Reason = "BelowMinimum"
)

// KillClass is how one OOM kill was judged.
// +kubebuilder:validation:Enum=Container;Node;Replaced;NotOOM;Outlived
type KillClass string

const (
	// KillContainer: the container outgrew its memory limit; more memory answers it.
	KillContainer KillClass = "Container"
	// KillNode: the node ran out of memory; the limit is not the cause.
	KillNode KillClass = "Node"
	// KillReplaced: the kill happened at a size that has been replaced since; it is answered already.
	KillReplaced KillClass = "Replaced"
	// KillNotOOM: reported as OOMKilled, but the exit code says otherwise (kubernetes/kubernetes#140716).
	KillNotOOM KillClass = "NotOOM"
	// KillOutlived: so long ago that the component has shown since that it can live with its size.
	KillOutlived KillClass = "Outlived"
)
