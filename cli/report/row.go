package report

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/cli/show"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/size"
)

// Direction is where a component would go.
type Direction string

// The directions.
const (
	// Down is a smaller size.
	Down Direction = "Down"
	// Up is a larger size.
	Up Direction = "Up"
	// Stays is the same size.
	Stays Direction = "Stays"
	// Unknown is told where too little is known.
	Unknown Direction = "Unknown"
)

// Risk is how likely a change is to be wrong.
type Risk string

// The risks.
const (
	// RiskNone is that of no change.
	RiskNone Risk = "None"
	// RiskLow is that of a change with good grounds.
	RiskLow Risk = "Low"
	// RiskMedium is worth a look.
	RiskMedium Risk = "Medium"
	// RiskHigh is to be looked at before it is let happen.
	RiskHigh Risk = "High"
	// RiskUnknown is that of a change of whose grounds nothing is known.
	RiskUnknown Risk = "Unknown"
)

// What confidence a profile must have for a risk, in percent, and how long trouble counts.
const (
	confident     = 80
	halfConfident = 50
	recently      = 24 * time.Hour
)

// Profile is what is known of a component's WorkloadProfile.
type Profile struct {
	// ConfidencePercent is nil where the profile does not say.
	ConfidencePercent *int32
	// Fresh tells whether it is being measured.
	Fresh bool
}

// Component is one component as it was read. Status, Record and Profile are nil where there is none.
type Component struct {
	Tenant, Scaler string
	Mode           v1alpha1.Mode
	Spec           *v1alpha1.Component
	Status         *v1alpha1.ComponentStatus
	Record         *v1alpha1.ScalingRecord
	Profile        *Profile
}

// Size is a size that is written as the API has it.
type Size struct{ size.Size }

// MarshalJSON writes it.
func (s Size) MarshalJSON() ([]byte, error) { return json.Marshal(sizes.ToAPI(s.Size)) }

// Row is one component of a report. Pointers are nil where the amount is not known.
type Row struct {
	Tenant    string           `json:"tenant"`
	Component string           `json:"component"`
	Mode      v1alpha1.Mode    `json:"mode"`
	Direction Direction        `json:"direction"`
	Verdict   decision.Verdict `json:"verdict,omitempty"`
	Reason    decision.Reason  `json:"reason,omitempty"`
	// Gate that holds a change.
	Gate    decision.Gate `json:"gate,omitempty"`
	Message string        `json:"message,omitempty"`
	Now     Size          `json:"now"`
	// Next is the size after the next step, WouldBe the one in the end. A resource of which that is not known is as it is now.
	Next    Size `json:"next"`
	WouldBe Size `json:"wouldBe"`
	// NowCores and NowGiB are what all replicas request now; SavedCores and SavedGiB how much less it would be, negative for more.
	NowCores          *float64 `json:"nowCores,omitempty"`
	NowGiB            *float64 `json:"nowGiB,omitempty"`
	SavedCores        *float64 `json:"savedCores,omitempty"`
	SavedGiB          *float64 `json:"savedGiB,omitempty"`
	SavedPerMonth     *float64 `json:"savedPerMonth,omitempty"`
	Risk              Risk     `json:"risk"`
	RiskReason        string   `json:"riskReason,omitempty"`
	ConfidencePercent *int32   `json:"confidencePercent,omitempty"`

	nowCPU, savedCPU       size.Opt[int64] // thousandths of a core
	nowMemory, savedMemory size.Opt[int64] // bytes
}

// outlook is where a component would go, and of which resources that is known.
type outlook struct {
	next, end             size.Size
	knowsCPU, knowsMemory bool
}

// rowOf judges one component.
func rowOf(c Component, now time.Time) Row {
	r := Row{Tenant: c.Tenant, Component: c.Spec.Name, Mode: c.Mode, Direction: Unknown, Risk: RiskUnknown, RiskReason: "nothing has been decided yet"}
	if c.Profile != nil {
		r.ConfidencePercent = c.Profile.ConfidencePercent
	}
	if c.Status == nil {
		return r
	}
	r.Verdict, r.Reason, r.Gate, r.Message = c.Status.Verdict, c.Status.Reason, c.Status.Gate, show.OneLine(c.Status.Message)
	has := sizes.FromAPI(c.Status.Current)
	r.Now, r.Next, r.WouldBe = Size{has}, Size{has}, Size{has}
	if has == (size.Size{}) {
		r.RiskReason = "its size is not known"
		return r
	}
	o := c.outlook(has)
	r.Next, r.WouldBe = Size{o.next}, Size{o.end}
	if rec := c.Record; rec != nil && c.current(has) && c.Status.Verdict != decision.VerdictHeld {
		r.Verdict, r.Reason, r.Message = rec.Spec.Verdict, rec.Spec.Reason, show.OneLine(rec.Spec.Message)
	}
	r.nowCPU, r.nowMemory = total(has.Claim().CPU, has.Replicas), total(has.Claim().Memory, has.Replicas)
	if o.knowsCPU {
		r.savedCPU = less(r.nowCPU, total(o.end.Claim().CPU, o.end.Replicas))
	}
	if o.knowsMemory {
		r.savedMemory = less(r.nowMemory, total(o.end.Claim().Memory, o.end.Replicas))
	}
	r.Direction = direction(has, o)
	r.Risk, r.RiskReason = c.risk(r.Direction, has, now)
	r.NowCores, r.SavedCores = scaled(r.nowCPU, milli), scaled(r.savedCPU, milli)
	r.NowGiB, r.SavedGiB = scaled(r.nowMemory, float64(size.GiB)), scaled(r.savedMemory, float64(size.GiB))
	return r
}

// milli is how many thousandths of a core a core has.
const milli = 1000

func total[T size.MilliCPU | size.Bytes](each size.Opt[T], replicas size.Opt[int32]) size.Opt[int64] {
	a, known := each.Get()
	n, counted := replicas.Get()
	if !known || !counted {
		return size.Opt[int64]{}
	}
	return size.Of(int64(a) * int64(n))
}

func less(a, b size.Opt[int64]) size.Opt[int64] {
	x, ok := a.Get()
	y, known := b.Get()
	if !ok || !known {
		return size.Opt[int64]{}
	}
	return size.Of(x - y)
}

func scaled(amount size.Opt[int64], unit float64) *float64 {
	v, ok := amount.Get()
	if !ok {
		return nil
	}
	return new(float64(v) / unit)
}

func direction(has size.Size, o outlook) Direction {
	switch {
	case larger(o.end, has):
		return Up
	case o.end != has:
		return Down
	case !o.knowsCPU || !o.knowsMemory:
		return Unknown
	default:
		return Stays
	}
}

// larger tells whether any amount is.
func larger(a, b size.Size) bool {
	ac, bc, al, bl := a.Ceiling(), b.Ceiling(), a.Claim(), b.Claim()
	return ac.CPU.Or(0) > bc.CPU.Or(0) || ac.Memory.Or(0) > bc.Memory.Or(0) || al.CPU.Or(0) > bl.CPU.Or(0) || al.Memory.Or(0) > bl.Memory.Or(0)
}

// current tells whether the newest record starts at the size that the component has now and is not done with: it was only
// told, is held, or is being carried out.
func (c Component) current(has size.Size) bool {
	from := sizes.FromAPI(&c.Record.Spec.From)
	from.Replicas = has.Replicas
	switch c.Record.Status.Phase {
	case v1alpha1.PhaseSucceeded, v1alpha1.PhaseFailed, v1alpha1.PhaseSuperseded, "Undone":
		return false
	default:
		return from == has
	}
}

func (c Component) outlook(has size.Size) outlook {
	stays := outlook{next: has, end: has, knowsCPU: true, knowsMemory: true}
	switch {
	case c.Mode == v1alpha1.ModeOff:
		return stays
	case c.Record != nil && c.current(has):
		o := stays
		o.next = sizes.FromAPI(&c.Record.Spec.To)
		o.next.Replicas = has.Replicas
		o.end = o.next
		if c.Record.Spec.Want == nil || c.Record.Spec.Verdict == decision.VerdictScaleUp {
			return o
		}
		if wanted := at(has, sizes.FromAPI(c.Record.Spec.Want).Ceiling()); !larger(wanted, has) {
			o.end = wanted // growth that is held has no room, or must not be: it stays
		}
		return o
	case c.Status.Verdict == decision.VerdictUnknown:
		return outlook{next: has, end: has}
	default:
		return c.shrunk(has)
	}
}

// shrunk is where a component would come to that shrinks as far as its estimators let it. Where it may not, it stays.
func (c Component) shrunk(has size.Size) outlook {
	mayCPU, mayMemory := c.mayShrink()
	o := outlook{next: has, end: has, knowsCPU: !mayCPU, knowsMemory: !mayMemory}
	wanted, ceiling := c.combined(), has.Ceiling()
	least, _ := sizes.BoundsFromAPI(c.Spec.Bounds)
	var to size.Amounts
	for _, u := range c.Status.Use { // never below what was used in the window
		peak := sizes.AmountsFromAPI(u.Peak)
		least.CPU, least.Memory = size.Of(max(least.CPU.Or(0), peak.CPU.Or(0))), size.Of(max(least.Memory.Or(0), peak.Memory.Or(0)))
	}
	if target, ok := wanted.CPU.Get(); mayCPU && ok && ceiling.CPU.Present() {
		o.knowsCPU = true
		to.CPU = size.Of(min(max(target, least.CPU.Or(0)), ceiling.CPU.Or(0)))
	}
	if target, ok := wanted.Memory.Get(); mayMemory && ok && ceiling.Memory.Present() {
		o.knowsMemory = true
		to.Memory = size.Of(min(max(target, least.Memory.Or(0)).RoundUp(size.MiB), ceiling.Memory.Or(0)))
	}
	o.end = at(has, to)
	return o
}

func (c Component) mayShrink() (cpu, memory bool) {
	down := c.Spec.ScaleDown
	if down == nil || down.State == v1alpha1.SwitchDisabled {
		return false, false
	}
	if len(down.Triggers) == 0 {
		return true, true
	}
	for _, t := range down.Triggers {
		cpu = cpu || t.Type == v1alpha1.DownTriggerCPU
		memory = memory || t.Type == v1alpha1.DownTriggerMemory
	}
	return cpu, memory
}

// combined is what the estimators' answers come to.
func (c Component) combined() size.Amounts {
	answers := make([]estimators.Estimate, 0, len(c.Status.Estimates))
	for _, a := range c.Status.Estimates {
		e := estimators.Estimate{Estimator: string(a.Estimator), Lower: sizes.AmountsFromAPI(a.Lower), Target: sizes.AmountsFromAPI(a.Target)}
		for _, s := range c.Spec.Estimators {
			if s.Type == a.Estimator && s.Priority != nil {
				e.Priority = int(*s.Priority)
			}
		}
		answers = append(answers, e)
	}
	return estimators.Combined(answers...)
}

// at gives a size with another ceiling; the request follows in proportion.
func at(has size.Size, ceiling size.Amounts) size.Size {
	out := has
	out.Limits.CPU, out.Requests.CPU = follow(has.Limits.CPU, has.Requests.CPU, ceiling.CPU)
	out.Limits.Memory, out.Requests.Memory = follow(has.Limits.Memory, has.Requests.Memory, ceiling.Memory)
	return out
}

func follow[T size.MilliCPU | size.Bytes](limit, request, ceiling size.Opt[T]) (newLimit, newRequest size.Opt[T]) {
	to, ok := ceiling.Get()
	l, limited := limit.Get()
	r, requested := request.Get()
	switch {
	case !ok || !limited && !requested:
		return limit, request
	case !limited:
		return limit, size.Of(to)
	case !requested:
		return size.Of(to), request
	default:
		return size.Of(to), size.Of(min(size.Share(r, to, l), to))
	}
}

func (c Component) risk(d Direction, has size.Size, now time.Time) (risk Risk, reason string) {
	s := c.Status
	switch {
	case s.Reason == decision.ReasonAtMaximum || s.Reason == decision.ReasonFitsNoNode:
		return RiskHigh, "in trouble, and may not grow"
	case d == Unknown:
		return RiskUnknown, "what it needs is not known"
	case d == Up:
		return RiskLow, "grows"
	case d == Stays:
		if needs := c.combined(); needs.Memory.Or(0) > has.Ceiling().Memory.Or(0) && has.Ceiling().Memory.Present() {
			return RiskMedium, fmt.Sprintf("an estimator would give it memory %s, and no trigger asks for it", show.Memory(needs.Memory))
		}
		return RiskNone, ""
	case s.LastTroubleTime != nil && now.Sub(s.LastTroubleTime.Time) < recently:
		return RiskHigh, "in trouble " + show.Ago(s.LastTroubleTime.Time, now)
	case c.Profile == nil:
		return RiskUnknown, "it has no profile"
	case !c.Profile.Fresh:
		return RiskHigh, "its profile is not fresh"
	case c.Profile.ConfidencePercent == nil:
		return RiskUnknown, "its profile does not say how much it knows"
	}
	confidence := *c.Profile.ConfidencePercent
	reason = fmt.Sprintf("its profile knows %d %% of a week", confidence)
	switch {
	case confidence < halfConfident:
		return RiskHigh, reason
	case confidence < confident:
		return RiskMedium, reason
	case s.UndoneCount != nil && *s.UndoneCount > 0:
		return RiskMedium, "its last scale-down had to be taken back"
	default:
		return RiskLow, reason
	}
}
