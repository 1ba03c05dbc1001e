package profiles

import (
	"math"
	"time"

	"github.com/metapilot/metapilot/size"
)

// Sample is one reading of one replica of the container.
type Sample struct {
	// At is when the source measured it.
	At time.Time
	// Replica is the pod's name.
	Replica string
	// Started is when this container of the pod started, where that is known. Readings of the first minutes of a
	// container's life make up its start-up peak.
	Started size.Opt[time.Time]
	// CPU is the usage in millicores, as exactly as the source has it; Memory the working set in bytes. Any float may be
	// put in: what is no usage is refused.
	CPU, Memory size.Opt[float64]
}

// Verdict is what became of one value of a sample. It is a label of a metric.
type Verdict uint8

// The verdicts.
const (
	// Absent: the sample has no such value.
	Absent Verdict = iota
	// Taken: the value counts in full.
	Taken
	// Late: newer samples came first, or it is a repeat of an older one. It raises the peak of its hour and nothing else.
	Late
	// NotFinite: NaN or infinite.
	NotFinite
	// Negative: less than nothing.
	Negative
	// Zero: a working set of 0 bytes, which is what sources say of a container that is gone.
	Zero
	// Implausible: more than any machine has.
	Implausible
	// Future: measured later than now.
	Future
	// TooOld: from before the hours that are kept.
	TooOld
	verdicts
)

// String gives the verdict as a metric's label has it: "taken".
func (v Verdict) String() string {
	if v >= verdicts {
		return "unknown"
	}
	return [verdicts]string{
		"absent", "taken", "late", "notFinite", "negative", "zero", "implausible", "future", "tooOld",
	}[v]
}

// Rejected tells whether the value was refused.
func (v Verdict) Rejected() bool { return v > Late }

// Verdicts is what became of the values of a sample.
type Verdicts struct {
	CPU, Memory Verdict
}

const (
	// futureSlack is how far a source's clock may be ahead of ours. A sample from the far future would push everything
	// that is known out of the window.
	futureSlack = 2 * time.Minute
	// oldest is the earliest time of a sample, 2000-01-01: a source that does not know the time says 1970.
	oldest = 946684800
)

// Judge says which values of the sample are usages that can be taken at all.
func (x Sample) Judge(now time.Time) Verdicts {
	return Verdicts{CPU: x.judge(cpu, x.CPU, now), Memory: x.judge(memory, x.Memory, now)}
}

func (x Sample) judge(r resource, value size.Opt[float64], now time.Time) Verdict {
	v, ok := value.Get()
	switch at := x.At.Unix(); {
	case !ok:
		return Absent
	case at < oldest:
		return TooOld
	case at > now.Add(futureSlack).Unix():
		return Future
	default:
		return r.judge(v)
	}
}

// judge refuses what is no usage.
func (r resource) judge(v float64) Verdict {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return NotFinite
	case v < 0:
		return Negative
	case v == 0 && r == memory:
		return Zero
	case v > r.most():
		return Implausible
	default:
		return Taken
	}
}
