package profiles

import (
	"time"

	"github.com/metapilot/metapilot/size"
)

// Bounds keep sizes within what the user allows. What is absent does not bound.
type Bounds struct {
	Min, Max size.Amounts
}

// Recommendation is what the container needs, and what a person wants to know of it. All amounts are for one replica.
type Recommendation struct {
	Algorithm Name
	// Lower ≤ Target ≤ Upper, within the bounds: a size between the outer two is not worth changing. Absent where there
	// is no sample of the resource.
	Lower, Target, Upper size.Amounts
	// Uncapped is the target without the bounds.
	Uncapped size.Amounts
	// Peak is the highest usage of the four weeks that are kept.
	Peak size.Amounts
	// StartUpPeak is the highest usage in the first five minutes of the latest eight starts.
	StartUpPeak size.Amounts
	// OOM is the most memory that was held at a kill of the latest two weeks.
	OOM size.Opt[size.Bytes]
	// Hot is the replica that uses markedly more than the others.
	Hot size.Opt[Hot]
	// First and Last are the times of the earliest and the latest sample.
	First, Last size.Opt[time.Time]
	Counts      Counts
	// ConfidencePercent is the share of a week's hours that are known, of the resource of which fewer are: 0 to 100.
	// A resource without any sample does not take part.
	ConfidencePercent int32
	Shape             Shape
	// Reasons are the steps to the sizes, in order.
	Reasons []Reason
}

// Recommend runs an algorithm.
func (s *State) Recommend(now time.Time, a Algorithm, b Bounds) Recommendation {
	e := a.Estimate(now, s)
	out := Recommendation{
		Algorithm:         a.Name(),
		Uncapped:          e.Target,
		First:             s.First(),
		Last:              s.Last(),
		Counts:            s.counts,
		ConfidencePercent: s.confidence(),
		Shape:             s.shape(),
	}
	for r := range resources {
		if peak, known := s.use[r].peak(r, hoursKept); known > 0 {
			r.put(&out.Peak, peak)
		}
		if peak, ok := s.starts.peak(r); ok {
			r.put(&out.StartUpPeak, peak)
		}
		b.keep(r, e.Lower, &out.Lower)
		b.keep(r, e.Upper, &out.Upper)
		if moved := b.keep(r, e.Target, &out.Target); moved != "" {
			e.say(moved, "%s: %s without the bounds", r, r.format(float64(r.of(e.Target).Or(0))))
		}
	}
	if kill, ok := s.kills.worst(s.newest()); ok {
		out.OOM = size.Of(size.Bytes(kill.held))
	}
	if hot, ok := s.replicas.hot(int64(s.last)); ok {
		out.Hot = size.Of(hot)
	}
	out.Reasons = e.Reasons
	return out
}

// keep writes an amount within the bounds, and says which of them moved it. Where the least is more than the most, the
// most holds.
func (b Bounds) keep(r resource, from size.Amounts, to *size.Amounts) Code {
	v, ok := r.of(from).Get()
	if !ok {
		return ""
	}
	moved := Code("")
	if least, ok := r.of(b.Min).Get(); ok && v < least {
		v, moved = least, CodeMinimum
	}
	if most, ok := r.of(b.Max).Get(); ok && v > most {
		v, moved = most, CodeMaximum
	}
	r.set(to, v)
	return moved
}

// confidence is the share of a week's hours that are known.
func (s *State) confidence() int32 {
	least := -1
	for r := range resources {
		if _, known := s.use[r].hours.peak(week); known > 0 && (least < 0 || known < least) {
			least = known
		}
	}
	return int32(max(least, 0) * 100 / week)
}
