package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/scalers/use"
	"github.com/metapilot/metapilot/size"
)

// levels is what the use of either resource amounts to.
func levels(s Snapshot) (cpu, memory use.Level) {
	return s.Settings.CPU.Judge(s.Use.CPU, s.Now, s.Settings.UseMaxAge), s.Settings.Memory.Judge(s.Use.Memory, s.Now, s.Settings.UseMaxAge)
}

// known is the highest use that is known of the time that matters: of a stretch of low use its peak, else the latest. What
// is too old is absent.
func (s Snapshot) known() (out size.Amounts) {
	cpu, memory := levels(s)
	if cpu != use.LevelUnknown {
		out.CPU = amountOf[size.MilliCPU](s.Use.CPU)
	}
	if memory != use.LevelUnknown {
		out.Memory = amountOf[size.Bytes](s.Use.Memory)
	}
	return out
}

func amountOf[T size.MilliCPU | size.Bytes](t use.Track) size.Opt[T] {
	latest, ok := t.Latest.Get()
	if !ok {
		return size.Opt[T]{}
	}
	return size.Of(T(max(latest, t.Peak.Or(latest), 0)))
}

// highUse demands more of what has been used highly for as long as its trigger asks.
func highUse(s Snapshot) (Demand, bool) {
	cpu, memory := levels(s)
	d := Demand{Kind: DemandHighUse, Reason: decision.ReasonUseHigh,
		CPU: s.Settings.AnswersHighCPU && cpu == use.LevelHigh, Memory: s.Settings.AnswersHighMemory && memory == use.LevelHigh}
	d.Message = s.sayHigh(d)
	return d, d.CPU || d.Memory
}

func (s Snapshot) sayHigh(d Demand) string {
	var out []string
	// How much it is just now is left out: a status would be written anew at every measurement. The record has it.
	say := func(is bool, what string, t use.Track, settings use.Settings) {
		if is {
			out = append(out, fmt.Sprintf("the use of %s has been above %d%% since %s", what, settings.High.Or(use.Share{}).Percent, t.HighSince.Or(s.Now).UTC().Format(time.RFC3339)))
		}
	}
	say(d.CPU, "cpu", s.Use.CPU, s.Settings.CPU)
	say(d.Memory, "memory", s.Use.Memory, s.Settings.Memory)
	return strings.Join(out, "; ")
}

// undo demands that a watched scale-down be taken back, since use is high again. A kill does so by itself.
func undo(s Snapshot) (Demand, bool) {
	watched, ok := s.History.Watched.Get()
	if !ok {
		return Demand{}, false
	}
	cpu, memory := levels(s)
	d := Demand{Kind: DemandUndo, Reason: decision.ReasonUndone, CPU: cpu == use.LevelHigh, Memory: memory == use.LevelHigh}
	d.Message = fmt.Sprintf("%s, while the scale-down of record %s is watched", s.sayHigh(d), watched.Record)
	return d, d.CPU || d.Memory
}

// lowUse demands less of what has been used little for the whole window. Otherwise it says how things stand.
func lowUse(s Snapshot) Demand {
	none := Demand{Kind: DemandNone, Reason: decision.ReasonWithinBounds, Message: "no trigger asks for a change"}
	if !s.Settings.Down.Configured {
		return none
	}
	cpu, memory := levels(s)
	d := Demand{Kind: DemandLowUse, Reason: decision.ReasonUseLow, CPU: cpu == use.LevelLow, Memory: memory == use.LevelLow}
	switch {
	case d.CPU && d.Memory:
		d.Message = fmt.Sprintf("little cpu and memory have been used for %s", s.Settings.Memory.Window)
	case d.CPU:
		d.Message = fmt.Sprintf("little cpu has been used for %s", s.Settings.CPU.Window)
	case d.Memory:
		d.Message = fmt.Sprintf("little memory has been used for %s", s.Settings.Memory.Window)
	case cpu == use.LevelUnknown || memory == use.LevelUnknown:
		none.Reason, none.Message = decision.ReasonSignalsMissing, "its use has not been measured lately, so nothing is made smaller"
		return none
	case cpu == use.LevelObserving && s.Settings.CPU.Lasts(s.Use.CPU) || memory == use.LevelObserving && s.Settings.Memory.Lasts(s.Use.Memory):
		none.Reason, none.Message = decision.ReasonObserving, fmt.Sprintf("use is low; it must be for %s before anything is made smaller", s.Settings.Memory.Window)
		return none
	default:
		return none
	}
	return d
}

// calmStep keeps growth that is not urgent to one step, and to the resources that are in need.
func calmStep(wanted, ceiling size.Amounts, percent int64, d Demand) size.Amounts {
	if c, ok := ceiling.CPU.Get(); ok {
		wanted.CPU = size.Of(min(wanted.CPU.Or(c), size.Sum(c, size.Share(c, size.MilliCPU(percent), 100))))
	}
	if m, ok := ceiling.Memory.Get(); ok {
		wanted.Memory = size.Of(min(wanted.Memory.Or(m), size.Sum(m, estimators.Percent(m, percent)).RoundUp(size.MiB)))
	}
	if !d.CPU {
		wanted.CPU = size.Opt[size.MilliCPU]{}
	}
	if !d.Memory {
		wanted.Memory = size.Opt[size.Bytes]{}
	}
	return wanted
}

// proposeLess takes one step down, of the resources of which little is used, towards what the estimators ask for; never
// below the minimum, any floor, or what would have made the peak of the window a high use.
func proposeLess(s Snapshot, d Demand, estimates []estimators.Estimate) proposal {
	from := s.Workload.Size
	ceiling, wanted := from.Ceiling(), estimators.Combined(estimates...)
	percent := s.Settings.Down.MaxStepPercent
	p := proposal{want: from, to: from, held: decision.ReasonWithinBounds, message: d.Message + ", but no estimator asks for less"}
	if d.Memory {
		to, want := stepDown(ceiling.Memory, wanted.Memory, s.Settings.Min.Memory, roomForPeak[size.Bytes](s.Use.Memory, s.Settings.Memory), percent, size.MiB)
		p.to.Limits.Memory, p.to.Requests.Memory = lowered(p.to.Limits.Memory, p.to.Requests.Memory, to, size.MiB, minBurstableGap)
		p.want.Limits.Memory, p.want.Requests.Memory = lowered(p.want.Limits.Memory, p.want.Requests.Memory, want, size.MiB, minBurstableGap)
	}
	if d.CPU {
		to, want := stepDown(ceiling.CPU, wanted.CPU, s.Settings.Min.CPU, roomForPeak[size.MilliCPU](s.Use.CPU, s.Settings.CPU), percent, 1)
		p.to.Limits.CPU, p.to.Requests.CPU = lowered(p.to.Limits.CPU, p.to.Requests.CPU, to, 1, 1)
		p.want.Limits.CPU, p.want.Requests.CPU = lowered(p.want.Limits.CPU, p.want.Requests.CPU, want, 1, 1)
	}
	if s.Workload.qosWith(p.to) != s.Workload.qosWith(from) {
		p.to, p.held = from, decision.ReasonQOSClassWouldChange
		p.message = d.Message + "; less would change the pod's QoS class, which a resize may not"
	}
	if p.to != from {
		p.held, p.message = "", ""
	}
	return p
}

// stepDown gives the ceiling after one step, and the one that is wanted in the end; absent where nothing less is.
func stepDown[T size.MilliCPU | size.Bytes](ceiling, wanted, minimum, peak size.Opt[T], percent int64, step T) (to, want size.Opt[T]) {
	have, ok := ceiling.Get()
	target, known := wanted.Get()
	if !ok || !known {
		return size.Opt[T]{}, size.Opt[T]{}
	}
	least := max(target, minimum.Or(target), peak.Or(target), step)
	once := have - size.Share(have, T(min(max(percent, 0), 100)), 100)
	next := roundUp(max(least, once), step)
	if next >= have {
		return size.Opt[T]{}, size.Opt[T]{}
	}
	return size.Of(next), size.Of(min(roundUp(least, step), have))
}

func roundUp[T size.MilliCPU | size.Bytes](a, step T) T {
	if rest := a % step; rest > 0 {
		return size.Sum(a, step-rest)
	}
	return a
}

// roomForPeak gives the amount of which the window's peak would just not be high.
func roomForPeak[T size.MilliCPU | size.Bytes](t use.Track, settings use.Settings) size.Opt[T] {
	peak := amountOf[T](t)
	share, ok := settings.High.Get()
	if p, known := peak.Get(); known && ok && share.Percent > 0 {
		return size.Of(size.Sum(size.Share(p, 100, T(share.Percent)), 1))
	}
	return peak
}

// lowered gives limit and request at a lower ceiling: the request follows in proportion, equal where it was equal, below
// where it was below, and neither rises. gap is what keeps a smaller request below the limit.
func lowered[T size.MilliCPU | size.Bytes](limit, request, to size.Opt[T], step, gap T) (newLimit, newRequest size.Opt[T]) {
	c, wanted := to.Get()
	l, limited := limit.Get()
	r, requested := request.Get()
	switch {
	case !wanted || !limited && !requested:
		return limit, request
	case !limited:
		return limit, size.Of(min(r, c))
	case !requested:
		return size.Of(min(l, c)), request
	case r >= l:
		return size.Of(min(l, c)), size.Of(min(r, c))
	default:
		proportion := roundUp(max(size.Share(r, c, l), 1), step)
		return size.Of(min(l, c)), size.Of(min(r, max(min(proportion, c-gap), 0)))
	}
}
