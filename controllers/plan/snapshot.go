package plan

import (
	"time"

	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/scalers/oom"
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
	// Reverts counts how often another writer undid a change.
	Reverts int
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
