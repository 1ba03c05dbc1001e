package explain

import (
	"fmt"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/cli/history"
	"github.com/metapilot/metapilot/cli/show"
)

// Mark is how a line is meant.
type Mark string

// The marks.
const (
	// MarkNone is plain.
	MarkNone Mark = ""
	// MarkPassed is as it should be, or what was taken.
	MarkPassed Mark = "passed"
	// MarkHeld holds the change, or went wrong.
	MarkHeld Mark = "held"
	// MarkSkipped was passed unasked.
	MarkSkipped Mark = "notAsked"
	// MarkUnknown is not known.
	MarkUnknown Mark = "unknown"
	// MarkFaint is of little weight.
	MarkFaint Mark = "aside"
)

// Line is one fact of a step.
type Line struct {
	Mark  Mark   `json:"mark,omitempty"`
	Label string `json:"label,omitempty"`
	Text  string `json:"text"`
}

// Step is one link of the chain.
type Step struct {
	Name  string `json:"name"`
	Lines []Line `json:"lines"`
}

// Chain is one component's decision.
type Chain struct {
	Tenant    string           `json:"tenant"`
	Component string           `json:"component"`
	Scaler    string           `json:"scaler"`
	Mode      v1alpha1.Mode    `json:"mode"`
	Verdict   decision.Verdict `json:"verdict,omitempty"`
	Reason    decision.Reason  `json:"reason,omitempty"`
	Message   string           `json:"message,omitempty"`
	// Record is the record that the steps tell of; "" where they are from the status.
	Record string `json:"record,omitempty"`
	Steps  []Step `json:"steps"`
	// LastChange is the newest record, where the steps are not of it.
	LastChange *Chain `json:"lastChange,omitempty"`
}

// Facts are what is known of a component. Record and Profile are nil where there is none, or where it may not be read.
type Facts struct {
	Scaler    *v1alpha1.ClusterScaler
	Component *v1alpha1.Component
	Record    *v1alpha1.ScalingRecord
	Profile   *v1alpha1.WorkloadProfile
	Now       time.Time
}

// Decision gives the chain of a component.
func Decision(f Facts) Chain {
	status := f.status()
	if f.Record != nil && (status == nil || f.speaksOf(status)) {
		return f.recorded()
	}
	c := f.chain()
	if status == nil {
		c.Message = "nothing has been decided yet: is a manager running? metapilot doctor looks"
		return c
	}
	c.Verdict, c.Reason, c.Message = status.Verdict, status.Reason, status.Message
	c.Steps = []Step{
		{"Signals", f.signals(nil)},
		{"Demand", []Line{{Text: demanded(status)}}},
		{"Estimates", estimates(status.Estimates, nil)},
		{"Bounds", f.bounds()},
		{"Gates", gateOf(status)},
		{"Plan", f.planned(status)},
	}
	if f.Record != nil {
		last := f.recorded()
		c.LastChange = &last
	}
	return c
}

// speaksOf tells whether the newest record is what the status tells of.
func (f Facts) speaksOf(status *v1alpha1.ComponentStatus) bool {
	return status.OpenRecord == f.Record.Name ||
		status.LastRecord == f.Record.Name && status.Verdict == f.Record.Spec.Verdict && status.Reason == f.Record.Spec.Reason
}

func (f Facts) status() *v1alpha1.ComponentStatus {
	for i := range f.Scaler.Status.Components {
		if c := &f.Scaler.Status.Components[i]; c.Name == f.Component.Name {
			return c
		}
	}
	return nil
}

func (f Facts) chain() Chain {
	return Chain{Tenant: f.Scaler.Namespace, Component: f.Component.Name, Scaler: f.Scaler.Name, Mode: f.Scaler.Spec.Mode, Steps: []Step{}}
}

// recorded is the chain of the record.
func (f Facts) recorded() Chain {
	r := f.Record
	c := f.chain()
	c.Mode, c.Record = r.Spec.Mode, r.Name
	c.Verdict, c.Reason, c.Message = r.Spec.Verdict, r.Spec.Reason, r.Spec.Message
	c.Steps = []Step{
		{"Signals", f.signals(r)},
		{"Demand", []Line{{Label: string(r.Spec.Trigger.Type), Text: triggered(r)}}},
		{"Estimates", estimates(r.Spec.Estimates, r.Spec.Want)},
		{"Bounds", f.bounds()},
		{"Gates", gates(r.Spec.Gates)},
		{"Plan", planOf(r, f.Now)},
		{"Done", done(r)},
		{"Outcome", outcome(r)},
	}
	return c
}

// demanded says what the status's verdict follows from.
func demanded(s *v1alpha1.ComponentStatus) string {
	switch s.Verdict {
	case decision.VerdictSteady:
		return "nothing asks for a change: " + s.Message
	case decision.VerdictUnknown:
		return "too little is known to say"
	case "":
		return "nothing has been decided yet"
	default:
		return fmt.Sprintf("%s: %s", s.Reason, s.Message)
	}
}

func triggered(r *v1alpha1.ScalingRecord) string {
	switch r.Spec.Trigger.Type {
	case v1alpha1.RecordTriggerOOM:
		if r.Spec.Reason == decision.ReasonNodeOutOfMemory {
			return "a larger request, not urgent"
		}
		return "more memory, urgently"
	case v1alpha1.RecordTriggerMinimumSize:
		return "at least bounds.min"
	case "HighUse":
		return "more of what is used highly"
	case "LowUse":
		return "less of what is used little"
	case "Undo":
		return "the size before the scale-down, since there is trouble"
	default:
		return r.Spec.Message
	}
}

func (f Facts) condition(kind string) *metav1.Condition {
	return apimeta.FindStatusCondition(f.Scaler.Status.Conditions, kind)
}

// bounds are the spec's, and what holds whatever an estimator says.
func (f Facts) bounds() []Line {
	lines := []Line{
		{Label: "min", Text: bound(f.Component.Bounds, func(b *v1alpha1.Bounds) *v1alpha1.BoundAmounts { return b.Min }, "none is set")},
		{Label: "max", Text: bound(f.Component.Bounds, func(b *v1alpha1.Bounds) *v1alpha1.BoundAmounts { return b.Max }, "none is set: only the nodes limit the size")},
	}
	if s := f.status(); s != nil && s.OOM != nil && s.OOM.Floor != nil {
		floor := s.OOM.Floor
		lines = append(lines, Line{Label: "floor", Text: fmt.Sprintf("memory %s, taught by a kill at %s, %s; it decays",
			quantity(&floor.Memory), quantity(&floor.KilledAt), show.Ago(floor.Since.Time, f.Now))})
	}
	return lines
}

// planned is what the status says of the plan.
func (f Facts) planned(s *v1alpha1.ComponentStatus) []Line {
	lines := []Line{{Label: "now", Text: sizeOf(s.Current)}}
	if s.Desired != nil {
		lines = append(lines, Line{Label: "asked for", Text: sizeOf(s.Desired)})
	}
	verdict := Line{Label: "verdict", Text: fmt.Sprintf("%s, %s: %s", s.Verdict, s.Reason, s.Message)}
	switch {
	case s.Verdict == decision.VerdictHeld:
		verdict.Mark = MarkHeld
	case s.Verdict == decision.VerdictUnknown, s.Reason == decision.ReasonSignalsMissing:
		verdict.Mark = MarkUnknown
	}
	lines = append(lines, verdict)
	if t := s.ScaleDownAllowedTime; t != nil && t.After(f.Now) {
		lines = append(lines, Line{Label: "smaller", Text: fmt.Sprintf("not before %s, %s", show.Stamp(t.Time), show.Ago(t.Time, f.Now))})
	}
	if c := f.condition(v1alpha1.ConditionAtMaximum); c != nil && c.Status == metav1.ConditionTrue {
		lines = append(lines, Line{Mark: MarkHeld, Label: "maximum", Text: c.Message})
	}
	return lines
}

// planOf is what the record says of the plan.
func planOf(r *v1alpha1.ScalingRecord, now time.Time) []Line {
	lines := []Line{{Label: "from", Text: sizeOf(&r.Spec.From)}}
	if r.Spec.Want != nil {
		lines = append(lines, Line{Label: "want", Text: sizeOf(r.Spec.Want)})
	}
	decided := fmt.Sprintf("%s, %s: %s", r.Spec.Verdict, r.Spec.Reason, r.Spec.Message)
	return append(lines,
		Line{Label: "to", Text: sizeOf(&r.Spec.To)},
		Line{Label: "verdict", Text: decided, Mark: verdictMark(r.Spec.Verdict)},
		Line{Label: "decided", Text: fmt.Sprintf("%s, %s, mode %s", show.Stamp(r.Spec.DecidedAt.Time), show.Ago(r.Spec.DecidedAt.Time, now), r.Spec.Mode)})
}

func verdictMark(v decision.Verdict) Mark {
	switch v {
	case decision.VerdictScaleUp, decision.VerdictScaleDown:
		return MarkPassed
	case decision.VerdictHeld:
		return MarkHeld
	case decision.VerdictUnknown:
		return MarkUnknown
	default:
		return MarkNone
	}
}

// done is the record's timeline, as times before and after the decision.
func done(r *v1alpha1.ScalingRecord) []Line {
	switch {
	case r.Status.Phase == v1alpha1.PhaseDryRun:
		return []Line{{Mark: MarkFaint, Text: "nothing: this is a dry run"}}
	case r.Status.Phase == v1alpha1.PhaseHeld:
		return []Line{{Mark: MarkFaint, Text: "nothing: it was held"}}
	case len(r.Status.Timeline) == 0:
		return []Line{{Mark: MarkFaint, Text: "nothing yet"}}
	}
	lines := make([]Line, 0, len(r.Status.Timeline)+1)
	if a := r.Spec.Actuation; a != nil {
		lines = append(lines, Line{Text: fmt.Sprintf("%s, template %s", a.Type, a.Template)})
	}
	for _, e := range r.Status.Timeline {
		line := Line{Label: string(e.Step), Text: fmt.Sprintf("%+.3fs", e.Time.Sub(r.Spec.DecidedAt.Time).Seconds()), Mark: MarkPassed}
		if e.Message != "" {
			line.Text += "  " + e.Message
		}
		if e.Step == v1alpha1.StepFailed {
			line.Mark = MarkHeld
		}
		lines = append(lines, line)
	}
	return lines
}

func outcome(r *v1alpha1.ScalingRecord) []Line {
	phase := Line{Label: string(r.Status.Phase), Text: r.Status.Message}
	switch r.Status.Phase {
	case "":
		phase.Label = string(v1alpha1.PhaseBegun)
	case v1alpha1.PhaseSucceeded:
		phase.Mark = MarkPassed
	case v1alpha1.PhaseFailed, v1alpha1.PhaseHeld:
		phase.Mark = MarkHeld
	}
	lines := []Line{phase}
	if took, ok := history.Took(r); ok {
		lines = append(lines, Line{Label: "took", Text: show.Took(took) + " until every replica had the size"})
	}
	if n := r.Status.KillsWhileWatched; n != nil && *n > 0 {
		lines = append(lines, Line{Mark: MarkHeld, Label: "kills", Text: fmt.Sprintf("%s while it was watched", show.Count(int(*n), "OOM kill", "OOM kills"))})
	}
	if d := r.Status.MonthlyDelta; d != nil {
		lines = append(lines, Line{Label: "requests", Text: delta(d)})
	}
	return lines
}
