package plan

import (
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/scalers/use"
	"github.com/metapilot/metapilot/size"
)

// Snapshot is all that is known of one component when its plan is made.
type Snapshot struct {
	Now      time.Time
	Settings Settings
	Workload Workload
	// Kills are the OOM kills that are not answered yet, judged, oldest first; those that need no answer are left out.
	Kills []oom.Kill
	// Peak is the highest usage measured of any replica; absent where none was.
	Peak size.Amounts
	// Use is what is known of the component's use of its size.
	Use Use
	// Profile is what the workload's profile says.
	Profile estimators.ProfileInput
	// Fleet is what holds for all tenants.
	Fleet Fleet
	// Nodes are the nodes that can take pods; none when they are not known.
	Nodes   []Node
	History History
}

// Settings are the component's settings, with every default filled in.
type Settings struct {
	// Off: the scaler's mode is Off.
	Off bool
	// ScaleUpDisabled: the component's scaleUp.state is Disabled.
	ScaleUpDisabled bool
	// AnswersOOM: OOM is among the triggers.
	AnswersOOM bool
	// Min and Max are bounds of the ceiling; absent amounts do not bound.
	Min, Max           size.Amounts
	OOM                estimators.OOM
	RepeatWindow       time.Duration
	MaxIncreasesPerDay int
	// HoldForForeignOwner: the template of a foreign owner is not written.
	HoldForForeignOwner bool

	// CPU and Memory say when use is high or low. AnswersHighCPU and AnswersHighMemory: growth answers it; otherwise high
	// use only takes a watched scale-down back.
	CPU, Memory                       use.Settings
	AnswersHighCPU, AnswersHighMemory bool
	// UseMaxAge is how old a measurement of use may be.
	UseMaxAge time.Duration
	// UpCooldown and UpMaxStepPercent are for growth that is not urgent.
	UpCooldown       time.Duration
	UpMaxStepPercent int64
	Down             Down
	// Profile and Utilization are absent where they are not among the estimators.
	Profile     size.Opt[estimators.Profile]
	Utilization size.Opt[estimators.Utilization]
	// OOMPriority is that of the OOM estimator's target.
	OOMPriority int
	// UpPausedUntil and DownPausedUntil are until when a person holds the direction.
	UpPausedUntil, DownPausedUntil time.Time
	PauseReason                    string
}

// Down are the settings of scale-downs. The zero value means that there are none.
type Down struct {
	// Configured: the component has a scaleDown. Disabled: its state is Disabled.
	Configured, Disabled bool
	// TemplateLeft: the workload's template is not brought in line, so that what is made smaller would be born large again.
	TemplateLeft                     bool
	Cooldown, Quiet                  time.Duration
	MaxStepPercent, MinChangePercent int64
	// Windows are those in which a scale-down may begin; none means always.
	Windows []Window
}

// Window is a stretch of time that comes back on some days of the week.
type Window struct {
	// Days on which it begins; none means every day.
	Days []time.Weekday
	// Start is the time since midnight, on the clocks of Zone.
	Start, Length time.Duration
	Zone          *time.Location
}

// Use is what is known of the use of a component's size: that of the replica that uses most.
type Use struct {
	CPU, Memory use.Track
}

// Fleet is what holds for all tenants.
type Fleet struct {
	// Brake says why nothing shrinks anywhere; empty when it does not.
	Brake       decision.Reason
	BrakeReason string
	// BudgetSpent says why no further scale-down may begin now; empty when one may.
	BudgetSpent string
}

// Workload is what was read of the component's workload.
type Workload struct {
	// Name as the user knows it, e.g. "Deployment kube-apiserver".
	Name      string
	Container string
	Found     bool
	// ContainerFound: the pod template has the container; Containers are those it has.
	ContainerFound bool
	Containers     []string
	Replicas       int32
	// Size that the component is meant to have: the template's, or what Metapilot has set since and is bringing into it.
	Size size.Size
	// Others are the sizes of the pod's other containers and sidecars, for its QoS class and for its fit on a node. Init are
	// those of init containers that run to their end: they count for the class only.
	Others, Init []size.Size
	// RolloutInProgress: a rollout that Metapilot did not start is under way.
	RolloutInProgress bool
	// PausedBy says who paused or marked the workload; empty when nobody did.
	PausedBy string
	// Ready is how many replicas are ready.
	Ready int32
	// ForeignOwner says who other than Metapilot owns the container's resources; empty when nobody does.
	ForeignOwner string
}

// Node is what pods may request of a node.
type Node struct {
	CPU    size.MilliCPU
	Memory size.Bytes
}

// History is what was decided and done before. It is read from objects, so that it outlives the process.
type History struct {
	// ChangeInProgress names the record that is being carried out; empty when none is.
	ChangeInProgress string
	// LastAnswer is when the newest answered kill happened, Repeats its level.
	LastAnswer size.Opt[time.Time]
	Repeats    int
	Floor      size.Opt[estimators.Floor]
	// Increases are the times at which memory was raised.
	Increases []time.Time
	// LastChange is when the component was last made larger or smaller, LastTrouble when it was last in trouble.
	LastChange, LastTrouble size.Opt[time.Time]
	// Undone is how often in a row a scale-down was taken back.
	Undone int
	// Watched is the scale-down that is being watched.
	Watched size.Opt[WatchedDown]
	// WatchedElsewhere names a record of another component of the tenant that is being watched; empty when none is.
	WatchedElsewhere string
	// Reverts counts how often another writer undid a change.
	Reverts int
}

// WatchedDown is a scale-down that is being watched.
type WatchedDown struct {
	Record string
	// From is the size before it.
	From size.Size
}

// increasesWithin counts the increases in the time before now.
func (h History) increasesWithin(now time.Time, d time.Duration) int {
	n := 0
	for _, t := range h.Increases {
		if now.Sub(t) < d {
			n++
		}
	}
	return n
}
