package explain

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/cli/show"
	"github.com/metapilot/metapilot/size"
)

// signals are what was measured, each with its age: of a record its evidence, else what the status remembers.
func (f Facts) signals(r *v1alpha1.ScalingRecord) []Line {
	var lines []Line
	if r != nil {
		lines = append(lines, f.evidence(r)...)
	} else if s := f.status(); s != nil {
		lines = append(lines, f.remembered(s)...)
	}
	if c := f.condition(v1alpha1.ConditionSignalsFresh); c != nil && c.Status == metav1.ConditionFalse {
		lines = append(lines, Line{Mark: MarkUnknown, Label: "missing", Text: fmt.Sprintf("%s for %s: %s", c.Reason, show.Age(f.Now.Sub(c.LastTransitionTime.Time)), c.Message)})
	}
	return append(lines, f.profiled())
}

func (f Facts) evidence(r *v1alpha1.ScalingRecord) []Line {
	var lines []Line
	if oom := r.Spec.Trigger.OOM; oom != nil {
		for _, k := range oom.Kills {
			lines = append(lines, f.killed(k))
		}
		lines = append(lines, Line{Label: "in force", Text: fmt.Sprintf("limit %s, peak %s", amounts(oom.LimitInForce), amounts(oom.Peak))})
		if oom.Repeats != nil && *oom.Repeats > 0 {
			lines = append(lines, Line{Label: "repeats", Text: fmt.Sprintf("%s in a row before it", show.Count(int(*oom.Repeats), "answered kill", "answered kills"))})
		}
	}
	if use := r.Spec.Trigger.Use; use != nil {
		lines = append(lines, Line{Label: "use", Text: fmt.Sprintf("%s, measured %s", amounts(use.Latest), show.Ago(use.MeasuredTime.Time, f.Now))})
		lines = append(lines, f.low(use.Low)...)
	}
	return lines
}

func (f Facts) killed(k v1alpha1.OOMKill) Line {
	text := fmt.Sprintf("%s/%s, %s, class %s", k.Pod, k.Container, show.Ago(k.FinishedAt.Time, f.Now), k.Class)
	if n := k.MissedRestarts; n != nil && *n > 0 {
		text += fmt.Sprintf(", after %s that nobody saw", show.Count(int(*n), "restart", "restarts"))
	}
	return Line{Label: "OOM kill", Text: text}
}

// remembered are the newest kill, trouble, and low use.
func (f Facts) remembered(s *v1alpha1.ComponentStatus) []Line {
	var lines []Line
	if s.OOM == nil || len(s.OOM.Answered) == 0 {
		lines = append(lines, Line{Label: "OOM kill", Text: "none is remembered"})
	} else {
		lines = append(lines, f.killed(s.OOM.Answered[len(s.OOM.Answered)-1]))
	}
	if t := s.LastTroubleTime; t != nil {
		lines = append(lines, Line{Label: "trouble", Text: show.Ago(t.Time, f.Now)})
	}
	return append(lines, f.low(s.Use)...)
}

func (f Facts) low(use []v1alpha1.UseStatus) []Line {
	lines := make([]Line, 0, len(use))
	for _, u := range use {
		lines = append(lines, Line{Label: "low use", Text: fmt.Sprintf("%s for %s, known up to %s, peak %s", strings.ToLower(string(u.Resource)),
			show.Age(f.Now.Sub(u.LowSince.Time)), show.Ago(u.SeenTime.Time, f.Now), amounts(u.Peak))})
	}
	return lines
}

// profiled is what the component's WorkloadProfile says now.
func (f Facts) profiled() Line {
	unknown := Line{Mark: MarkUnknown, Label: "profile"}
	if f.Profile == nil {
		unknown.Text = "there is none, or you may not read it"
		return unknown
	}
	for _, c := range f.Profile.Status.Containers {
		if c.Name != f.Component.Target.Container {
			continue
		}
		parts := []string{"needs " + amounts(c.Target), "peak " + amounts(c.Peak)}
		if c.ConfidencePercent != nil {
			parts = append(parts, "confidence "+show.Percent(int64(*c.ConfidencePercent)))
		}
		if c.LastSampleTime != nil {
			parts = append(parts, "written with a sample of "+show.Ago(c.LastSampleTime.Time, f.Now))
		}
		line := Line{Label: "profile", Text: strings.Join(parts, ", ")}
		for _, condition := range f.Profile.Status.Conditions {
			if condition.Type == v1alpha1.ConditionSignalsFresh && condition.Status != metav1.ConditionTrue {
				line.Mark = MarkUnknown
				line.Text += "; not fresh: " + condition.Message
			}
		}
		return line
	}
	unknown.Text = "nothing has been measured yet"
	return unknown
}

// estimates are every estimator's answer. The one that gave what is wanted is marked.
func estimates(answers []v1alpha1.EstimateStatus, want *v1alpha1.Size) []Line {
	if len(answers) == 0 {
		return []Line{{Mark: MarkFaint, Text: "none was asked"}}
	}
	wanted := sizes.FromAPI(want).Ceiling()
	lines := make([]Line, 0, len(answers))
	for _, a := range answers {
		target := sizes.AmountsFromAPI(a.Target)
		line := Line{Label: string(a.Estimator), Text: a.Message}
		switch {
		case target == (size.Amounts{}):
			line.Mark, line.Text = MarkUnknown, "no answer: "+a.Message
		default:
			line.Text = fmt.Sprintf("%s (%s to %s): %s", show.Amounts(target), amounts(a.Lower), amounts(a.Upper), a.Message)
			if target.Memory.Present() && target.Memory == wanted.Memory || target.CPU.Present() && target.CPU == wanted.CPU {
				line.Mark = MarkPassed
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// gates are every gate in its order, also those that were not asked.
func gates(results []v1alpha1.GateResult) []Line {
	answered := map[decision.Gate]v1alpha1.GateResult{}
	for _, r := range results {
		answered[r.Name] = r
	}
	if len(answered) == 0 {
		return []Line{{Mark: MarkFaint, Text: "none was asked"}}
	}
	var lines []Line
	var unasked []string
	rest := "not for this change: "
	for _, gate := range decision.Gates() {
		r, asked := answered[gate]
		if !asked {
			unasked = append(unasked, string(gate))
			continue
		}
		line := Line{Label: string(gate), Text: r.Message, Mark: MarkPassed}
		switch r.Outcome {
		case v1alpha1.GateHeld:
			line.Mark = MarkHeld
			line.Text = "holds: " + r.Message
			rest = "not asked, since one holds: "
		case v1alpha1.GateNotAsked:
			line.Mark = MarkSkipped
			line.Text = "not asked: it is urgent"
		case v1alpha1.GatePassed:
			if line.Text == "" {
				line.Text = "passed"
			}
		}
		lines = append(lines, line)
	}
	if len(unasked) > 0 {
		lines = append(lines, Line{Mark: MarkFaint, Label: "the rest", Text: rest + strings.Join(unasked, ", ")})
	}
	return lines
}

// gateOf is the gate that the status names.
func gateOf(s *v1alpha1.ComponentStatus) []Line {
	if s.Gate == "" {
		return []Line{{Mark: MarkFaint, Text: "none holds: no change is wanted, or none is possible"}}
	}
	return []Line{{Mark: MarkHeld, Label: string(s.Gate), Text: fmt.Sprintf("holds: %s: %s", s.Reason, s.Message)}}
}

func bound(b *v1alpha1.Bounds, of func(*v1alpha1.Bounds) *v1alpha1.BoundAmounts, none string) string {
	if b == nil || of(b) == nil {
		return none
	}
	end := of(b)
	return amounts(&v1alpha1.ResourceAmounts{CPU: end.CPU, Memory: end.Memory})
}

func amounts(a *v1alpha1.ResourceAmounts) string {
	if said := show.Amounts(sizes.AmountsFromAPI(a)); said != show.Unknown {
		return said
	}
	return "unknown"
}

func quantity(q *resource.Quantity) string {
	return show.Memory(sizes.AmountsFromAPI(&v1alpha1.ResourceAmounts{Memory: q}).Memory)
}

// sizeOf says limits and requests, once where they are the same, and replicas.
func sizeOf(s *v1alpha1.Size) string {
	known := sizes.FromAPI(s)
	var parts []string
	switch {
	case known.Limits == known.Requests:
		parts = append(parts, "limits and requests "+show.Amounts(known.Limits))
	default:
		if known.Limits != (size.Amounts{}) {
			parts = append(parts, "limits "+show.Amounts(known.Limits))
		}
		if known.Requests != (size.Amounts{}) {
			parts = append(parts, "requests "+show.Amounts(known.Requests))
		}
	}
	if known.Requests == (size.Amounts{}) && known.Limits == (size.Amounts{}) {
		parts = []string{"unknown"}
	}
	if n, ok := known.Replicas.Get(); ok {
		parts = append(parts, show.Count(int(n), "replica", "replicas"))
	}
	return strings.Join(parts, "; ")
}

// delta says what a change adds to what is requested; here zero is a number that is known, and less is negative.
func delta(d *v1alpha1.ResourceAmounts) string {
	var parts []string
	if d.CPU != nil {
		parts = append(parts, fmt.Sprintf("%+.3g cores", d.CPU.AsApproximateFloat64()))
	}
	if d.Memory != nil {
		parts = append(parts, fmt.Sprintf("%+.3g GiB", d.Memory.AsApproximateFloat64()/float64(size.GiB)))
	}
	return strings.Join(parts, ", ") + " over all replicas"
}
