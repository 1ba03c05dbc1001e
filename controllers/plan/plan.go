package plan

import (
	"fmt"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/size"
)

// Plan is what was decided for one component.
type Plan struct {
	// Demand is what set the plan off.
	Demand Demand
	// From is the size before, Want what the estimators ask for, To what was decided on; To equals From unless the
	// verdict is a change.
	From, Want, To size.Size
	Estimates      []estimators.Estimate
	// Gates that were asked, in order; the last holds if Gate is not empty.
	Gates []GateResult
	// Gate that holds; empty when none does.
	Gate    decision.Gate
	Reason  decision.Reason
	Message string
	// AtMaximum: in trouble, and no larger size is allowed or fits.
	AtMaximum bool
	// PodsOnly: only the running pods may be resized, the template belongs to somebody else.
	PodsOnly bool
	// Level is the repeat level of the kill that the plan answers.
	Level int
	// Undoes names the record of the scale-down that the plan takes back; empty when it takes back none.
	Undoes string
	// Floor that the plan leaves; absent when it answers no kill.
	Floor size.Opt[estimators.Floor]
}

// GateResult is what one gate answered.
type GateResult struct {
	Gate decision.Gate
	// NotAsked: urgent growth passes the gate unasked.
	NotAsked bool
	// Held and why.
	Held    bool
	Message string
}

// DemandKind is what is asked for.
type DemandKind string

const (
	// DemandUnknown: too little is known to ask for anything.
	DemandUnknown DemandKind = "Unknown"
	// DemandNone: nothing is asked for.
	DemandNone DemandKind = "None"
	// DemandOOM: a container outgrew its limit. Urgent.
	DemandOOM DemandKind = "OOM"
	// DemandNodeOOM: the node ran out of memory under the container.
	DemandNodeOOM DemandKind = "NodeOOM"
	// DemandMinimum: the size lies below the minimum.
	DemandMinimum DemandKind = "Minimum"
	// DemandHighUse: use has been high for as long as a trigger asks.
	DemandHighUse DemandKind = "HighUse"
	// DemandUndo: trouble has come while a scale-down was watched. Urgent.
	DemandUndo DemandKind = "Undo"
	// DemandLowUse: use has been low for a whole window.
	DemandLowUse DemandKind = "LowUse"
)

// Demand is what is asked for, and because of what.
type Demand struct {
	Kind    DemandKind
	Reason  decision.Reason
	Message string
	// Kills that are to be answered, oldest first.
	Kills []oom.Kill
	// CPU and Memory tell which resources are demanded more of, or, of DemandLowUse, less.
	CPU, Memory bool
}

// Urgent tells whether waiting is an outage.
func (d Demand) Urgent() bool { return d.Kind == DemandOOM || d.Kind == DemandUndo }

// Down tells whether less is demanded.
func (d Demand) Down() bool { return d.Kind == DemandLowUse }

// Verdict is what the plan concludes.
func (p Plan) Verdict() decision.Verdict {
	switch {
	case p.Demand.Kind == DemandUnknown:
		return decision.VerdictUnknown
	case p.Demand.Kind == DemandNone:
		return decision.VerdictSteady
	case p.To == p.From:
		return decision.VerdictHeld
	case p.Demand.Down():
		return decision.VerdictScaleDown
	default:
		return decision.VerdictScaleUp
	}
}

// Decide makes the plan for the component in the snapshot.
func Decide(s Snapshot) Plan {
	p := Plan{Demand: demand(s), From: s.Workload.Size, Want: s.Workload.Size, To: s.Workload.Size}
	p.Reason, p.Message = p.Demand.Reason, p.Demand.Message
	p.Level = level(p.Demand.Kills, s.History, s.Settings.RepeatWindow)
	p.Estimates = estimate(s, p.Demand, p.Level)
	if p.Demand.Kind == DemandUnknown || p.Demand.Kind == DemandNone {
		return p
	}
	proposed := propose(s, p.Demand, p.Estimates)
	p.Want = proposed.want
	if p.Demand.Down() && proposed.to == p.From {
		// Little use is no wish to shrink where nothing smaller is proposed.
		p.Demand.Kind, p.Reason, p.Message = DemandNone, proposed.held, proposed.message
		return p
	}
	p.askGates(s, proposed.to)
	if p.Gate != "" {
		return p
	}
	p.AtMaximum = proposed.atMaximum && p.Demand.Urgent()
	if proposed.held != "" {
		p.Reason, p.Message = proposed.held, proposed.message
		return p
	}
	p.To = proposed.to
	p.PodsOnly = s.Workload.ForeignOwner != "" && s.Settings.HoldForForeignOwner
	p.Message = fmt.Sprintf("%s: %s%s", p.Demand.Message, change(p.From, p.To), proposed.note())
	if watched, ok := s.History.Watched.Get(); ok && p.Demand.Urgent() {
		p.Undoes = watched.Record
	}
	killedAt, given := p.From.Ceiling().Memory.Or(0), p.To.Ceiling().Memory.Or(0)
	if p.Demand.Kind == DemandOOM && given > killedAt {
		p.Floor = size.Of(estimators.Floor{Memory: given, KilledAt: killedAt, Since: s.Now})
	}
	return p
}

// change says what changes, e.g. "memory limit 512Mi → 768Mi, request 256Mi → 384Mi".
func change(from, to size.Size) string {
	var out string
	add := func(what string, a, b fmt.Stringer) {
		if a.String() == b.String() {
			return
		}
		if out != "" {
			out += ", "
		}
		out += fmt.Sprintf("%s %s → %s", what, a, b)
	}
	add("memory limit", from.Limits.Memory, to.Limits.Memory)
	add("memory request", from.Requests.Memory, to.Requests.Memory)
	add("cpu limit", from.Limits.CPU, to.Limits.CPU)
	add("cpu request", from.Requests.CPU, to.Requests.CPU)
	if out == "" {
		return "no change"
	}
	return out
}
