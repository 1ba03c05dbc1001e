package history

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/cli/show"
)

// Entry is one record in short.
type Entry struct {
	// Time at which it was decided, in UTC.
	Time time.Time `json:"time"`
	// Tenant is the namespace.
	Tenant    string               `json:"tenant"`
	Component string               `json:"component"`
	Scaler    string               `json:"scaler"`
	Record    string               `json:"record"`
	Mode      v1alpha1.Mode        `json:"mode"`
	Verdict   decision.Verdict     `json:"verdict"`
	Reason    decision.Reason      `json:"reason"`
	Message   string               `json:"message"`
	From      v1alpha1.Size        `json:"from"`
	Want      *v1alpha1.Size       `json:"want,omitempty"`
	To        v1alpha1.Size        `json:"to"`
	Phase     v1alpha1.RecordPhase `json:"phase"`
	// Outcome is how it stands or turned out, in a sentence.
	Outcome string `json:"outcome,omitempty"`
	// TookSeconds is how long it took from when it was detected until every replica had the size; absent where they have not.
	TookSeconds *float64 `json:"tookSeconds,omitempty"`
}

// Of gives the entry of a record.
func Of(r *v1alpha1.ScalingRecord) Entry {
	e := Entry{
		Time:      r.Spec.DecidedAt.UTC(),
		Tenant:    r.Namespace,
		Component: r.Spec.Component,
		Scaler:    r.Spec.Scaler,
		Record:    r.Name,
		Mode:      r.Spec.Mode,
		Verdict:   r.Spec.Verdict,
		Reason:    r.Spec.Reason,
		Message:   r.Spec.Message,
		From:      r.Spec.From,
		Want:      r.Spec.Want,
		To:        r.Spec.To,
		Phase:     cmp.Or(r.Status.Phase, v1alpha1.PhaseBegun),
		Outcome:   r.Status.Message,
	}
	if took, ok := Took(r); ok {
		e.TookSeconds = new(took.Seconds())
	}
	return e
}

// Took gives how long a record's change took, from when its cause was detected (where that is not known, from the decision)
// until every replica had the size; false where they have not, or where nothing was to be done.
func Took(r *v1alpha1.ScalingRecord) (time.Duration, bool) {
	begin, ok := At(r, v1alpha1.StepDetected)
	if !ok {
		begin = r.Spec.DecidedAt.Time
	}
	for _, step := range []v1alpha1.TimelineStep{v1alpha1.StepActuated, v1alpha1.StepRolledOut} {
		if end, ok := At(r, step); ok && !begin.IsZero() && !end.Before(begin) {
			return end.Sub(begin), true
		}
	}
	return 0, false
}

// At gives the time at which a record reached a step of its story.
func At(r *v1alpha1.ScalingRecord, step v1alpha1.TimelineStep) (time.Time, bool) {
	for _, e := range r.Status.Timeline {
		if e.Step == step {
			return e.Time.Time, true
		}
	}
	return time.Time{}, false
}

// Newest sorts entries, the newest first, and keeps at most limit of them; all with limit 0. It gives how many were left out.
func Newest(entries []Entry, limit int) (kept []Entry, leftOut int) {
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Record, b.Record))
	})
	if limit <= 0 || len(entries) <= limit {
		return entries, 0
	}
	return entries[:limit:limit], len(entries) - limit
}

// Table shows entries; a column for the tenant only where there may be several.
func Table(entries []Entry, severalTenants bool, now time.Time) show.Table {
	t := show.Table{Columns: []show.Column{
		{Name: "WHEN"}, {Name: "TENANT", Wide: !severalTenants}, {Name: "COMPONENT"}, {Name: "VERDICT"}, {Name: "REASON"}, {Name: "SIZE"},
		{Name: "PHASE"}, {Name: "TOOK", Right: true}, {Name: "MODE", Wide: true}, {Name: "RECORD", Wide: true}, {Name: "MESSAGE", Wide: true},
		{Name: "OUTCOME", Wide: true},
	}}
	for _, e := range entries {
		t.Rows = append(t.Rows, []show.Cell{
			{Text: show.Ago(e.Time, now), Data: show.Stamp(e.Time)},
			show.Text(e.Tenant), show.Text(e.Component),
			{Text: string(e.Verdict), Tone: VerdictTone(e.Verdict)},
			show.Text(string(e.Reason)), show.Text(sized(e)),
			{Text: string(e.Phase), Tone: PhaseTone(e.Phase)},
			took(e), show.Text(string(e.Mode)), {Text: e.Record, Tone: show.Faint}, show.Text(e.Message), show.Text(e.Outcome),
		})
	}
	return t
}

// sized says from what to what; where nothing changed, what was wanted.
func sized(e Entry) string {
	from, to := sizes.FromAPI(&e.From), sizes.FromAPI(&e.To)
	if from == to && e.Want != nil {
		// What is wanted is for the ceiling of the container; an amount that nobody asked for stays.
		if said := show.Change(from, sizes.FromAPI(e.Want)); said != show.Change(from, from) {
			return "wants " + said
		}
	}
	return show.Change(from, to)
}

func took(e Entry) show.Cell {
	if e.TookSeconds == nil {
		return show.Text(show.Unknown)
	}
	d := time.Duration(*e.TookSeconds * float64(time.Second))
	return show.Cell{Text: show.Took(d), Data: strconv.FormatFloat(*e.TookSeconds, 'f', 3, 64)}
}

// VerdictTone gives the colour of a verdict.
func VerdictTone(v decision.Verdict) show.Tone {
	switch v {
	case decision.VerdictScaleUp, decision.VerdictScaleDown:
		return show.Good
	case decision.VerdictHeld, decision.VerdictUnknown:
		return show.Notable
	default:
		return show.Plain
	}
}

// PhaseTone gives the colour of a phase.
func PhaseTone(p v1alpha1.RecordPhase) show.Tone {
	switch p {
	case v1alpha1.PhaseSucceeded:
		return show.Good
	case v1alpha1.PhaseFailed:
		return show.Bad
	case v1alpha1.PhaseHeld, "Undone": // the phase of a scale-down that was taken back
		return show.Notable
	case v1alpha1.PhaseDryRun, v1alpha1.PhaseSuperseded:
		return show.Faint
	default:
		return show.Plain
	}
}
