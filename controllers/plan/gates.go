package plan

import (
	"fmt"
	"math"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/size"
)

// maxReverts: what another writer undid this often is not written again until the spec changes (DESIGN, "Actuation").
const maxReverts = 3

// minChangePercent: a change that is not urgent and smaller than this is not worth a write. A tenth of the change that
// VPA's updater thinks worth an eviction; in place, nothing is restarted.
const minChangePercent = 1

// hold is a gate's answer: absent reason means that it lets the change pass.
type hold struct {
	reason  decision.Reason
	message string
}

func holds(reason decision.Reason, format string, args ...any) hold {
	return hold{reason: reason, message: fmt.Sprintf(format, args...)}
}

// gates are the checks behind the names of decision.Gates.
var gates = map[decision.Gate]func(s Snapshot, d Demand, to size.Size) hold{
	decision.GateSuspended:     suspended,
	decision.GateUnmanaged:     unmanaged,
	decision.GateConflicted:    conflicted,
	decision.GateBlind:         blind,
	decision.GateUnsettled:     unsettled,
	decision.GateOutsideWindow: outsideWindow,
	decision.GateCoolingDown:   coolingDown,
	decision.GateRecentTrouble: recentTrouble,
	decision.GateLeaking:       leaking,
	decision.GateTooSmall:      tooSmall,
	decision.GateOverBudget:    overBudget,
}

// askGates asks the gates in order until one holds.
func (p *Plan) askGates(s Snapshot, to size.Size) {
	for _, name := range decision.Gates() {
		if p.Demand.Urgent() && name.PassedByUrgent() {
			p.Gates = append(p.Gates, GateResult{Gate: name, NotAsked: true})
			continue
		}
		h := gates[name](s, p.Demand, to)
		p.Gates = append(p.Gates, GateResult{Gate: name, Held: h.reason != "", Message: h.message})
		if h.reason != "" {
			p.Gate, p.Reason = name, h.reason
			p.Message = fmt.Sprintf("%s; held: %s", p.Demand.Message, h.message)
			return
		}
	}
}

func suspended(s Snapshot, d Demand, _ size.Size) hold {
	until := s.Settings.UpPausedUntil
	if d.Down() {
		until = s.Settings.DownPausedUntil
	}
	switch {
	case s.Settings.Off:
		return holds(decision.ReasonModeOff, "spec.mode is Off: set it to DryRun or Auto")
	case s.Now.Before(until):
		return holds(decision.ReasonPaused, "spec.pause holds it until %s%s", until.UTC().Format(time.RFC3339), because(s.Settings.PauseReason))
	case d.Down() && s.Settings.Down.Disabled:
		return holds(decision.ReasonScaleDownDisabled, "scaleDown.state is Disabled: set it to Enabled")
	case d.Down() && s.Settings.Down.TemplateLeft:
		return holds(decision.ReasonScaleDownDisabled, "actuation.inPlace.template is Leave, so later pods would be born at the old size: set it to Converge, or remove scaleDown")
	case !d.Down() && s.Settings.ScaleUpDisabled:
		return holds(decision.ReasonScaleUpDisabled, "scaleUp.state is Disabled: set it to Enabled")
	default:
		return hold{}
	}
}

func unmanaged(s Snapshot, _ Demand, _ size.Size) hold {
	switch {
	case s.Workload.PausedBy != "":
		return holds(decision.ReasonPausedByOthers, "%s is left alone: %s", s.Workload.Name, s.Workload.PausedBy)
	case s.Workload.Replicas == 0:
		return holds(decision.ReasonNoReplicas, "%s is scaled to zero", s.Workload.Name)
	default:
		return hold{}
	}
}

func conflicted(s Snapshot, d Demand, _ size.Size) hold {
	if s.History.Reverts >= maxReverts {
		return holds(decision.ReasonReverted, "another writer undid what Metapilot wrote %d times: stop it, or remove the component from the ClusterScaler; any change of the ClusterScaler's spec tries again", s.History.Reverts)
	}
	if s.Workload.ForeignOwner != "" && s.Settings.HoldForForeignOwner && !d.Urgent() {
		return holds(decision.ReasonForeignOwner, "%s owns the resources of %s: change them there, or set actuation.inPlace.onForeignOwner to TakeOver", s.Workload.ForeignOwner, s.Workload.Name)
	}
	return hold{}
}

func unsettled(s Snapshot, d Demand, _ size.Size) hold {
	switch {
	case d.Down() && s.Workload.Ready < s.Workload.Replicas:
		return holds(decision.ReasonUnhealthy, "%d of %d replicas of %s are ready", s.Workload.Ready, s.Workload.Replicas, s.Workload.Name)
	case d.Down() && s.History.WatchedElsewhere != "":
		return holds(decision.ReasonChangeInProgress, "the change of record %s, of another component, is still being watched", s.History.WatchedElsewhere)
	case s.History.ChangeInProgress != "":
		return holds(decision.ReasonChangeInProgress, "the change of record %s is still being carried out", s.History.ChangeInProgress)
	case s.Workload.RolloutInProgress:
		return holds(decision.ReasonRolloutInProgress, "a rollout of %s is under way", s.Workload.Name)
	default:
		return hold{}
	}
}

func leaking(s Snapshot, _ Demand, to size.Size) hold {
	if !memoryGrows(s.Workload.Size, to) {
		return hold{}
	}
	n := s.History.increasesWithin(s.Now, 24*time.Hour)
	if n < s.Settings.MaxIncreasesPerDay {
		return hold{}
	}
	return holds(decision.ReasonLeakSuspected, "memory was raised %d times within 24 hours: look for a leak; raise scaleUp.maxIncreasesPerDay if the need is real", n)
}

func tooSmall(s Snapshot, d Demand, to size.Size) hold {
	from, least := s.Workload.Size, int64(minChangePercent)
	if d.Down() {
		least = max(s.Settings.Down.MinChangePercent, minChangePercent)
	}
	if to == from || changedBy(from.Ceiling(), to.Ceiling(), least) || changedBy(from.Requests, to.Requests, least) {
		return hold{}
	}
	return holds(decision.ReasonBelowMinimumChange, "%s is less than %d%%", change(from, to), least)
}

func changedBy(a, b size.Amounts, percent int64) bool {
	return apart(a.Memory, b.Memory, percent) || apart(a.CPU, b.CPU, percent)
}

// apart tells whether the change from a to b is worth making; in float64, since it need not be exact for amounts of 2^53.
func apart[T size.MilliCPU | size.Bytes](a, b size.Opt[T], percent int64) bool {
	from, to := float64(a.Or(0)), float64(b.Or(0))
	return from != to && math.Abs(to-from)*100 >= from*float64(percent)
}

func memoryGrows(from, to size.Size) bool {
	return to.Ceiling().Memory.Or(0) > from.Ceiling().Memory.Or(0) || to.Requests.Memory.Or(0) > from.Requests.Memory.Or(0)
}
