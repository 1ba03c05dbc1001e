package sources

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/size"
)

// ErrHeld says that a source was not asked: it has failed a short while ago, or all that may be asked of it in a minute has
// been. The present is unknown, as after a failure; but it is no new failure, and no try.
var ErrHeld = errors.New("the source is not asked now")

// Source gives what the whole fleet uses.
type Source interface {
	// Name is the source in logs and metrics: "metrics-server", "prometheus".
	Name() string
	// Read gives every container's present usage once. What it gave before an error counts, and so does the report.
	Read(ctx context.Context, yield func(Sample)) (Report, error)
}

// Historian gives what the whole fleet has used.
type Historian interface {
	// Next reads one chunk and gives the cursor of the one after it. A container's samples come in the order of time, its CPU
	// before its memory. After an error the cursor given is to be tried again, also by another process: what is read twice
	// changes nothing in a profiles.State.
	Next(ctx context.Context, at Cursor, yield func(Sample)) (Cursor, Report, error)
}

// Sample is one reading of one container of a pod; the pod is the Replica.
type Sample struct {
	Namespace, Container string
	// Window is the time up to At that the reading is about: the CPU is its average, and from Prometheus the memory is its
	// peak. 0: the source does not say.
	Window time.Duration
	profiles.Sample
}

// Reason is why something is unknown. It is a label of metrics.
type Reason string

// The reasons. One is about one value of one container, unless it says otherwise.
const (
	// ReasonAbsent: the source has one value of the container and not the other.
	ReasonAbsent Reason = "absent"
	// ReasonCounterReset: the CPU counter went back within two windows, so that its rate is a guess.
	ReasonCounterReset Reason = "counterReset"
	// ReasonDuplicate: the answer has the container twice. The higher value counts.
	ReasonDuplicate Reason = "duplicate"
	// ReasonEmpty: the whole answer has nothing.
	ReasonEmpty Reason = "empty"
	// ReasonFuture: measured later than now.
	ReasonFuture Reason = "future"
	// ReasonImplausible: more than any machine has.
	ReasonImplausible Reason = "implausible"
	// ReasonMalformed: a value, a time or a label cannot be read.
	ReasonMalformed Reason = "malformed"
	// ReasonNegative: less than nothing.
	ReasonNegative Reason = "negative"
	// ReasonNoTimestamp: the source does not say when it measured.
	ReasonNoTimestamp Reason = "noTimestamp"
	// ReasonNotFinite: NaN or infinite.
	ReasonNotFinite Reason = "notFinite"
	// ReasonStale: measured too long ago.
	ReasonStale Reason = "stale"
	// ReasonZeroMemory: a memory usage of 0, which no running container has.
	ReasonZeroMemory Reason = "zeroMemory"
)

// reasonOf gives the reason of a verdict; "" where the value is taken, or is not there.
func reasonOf(v profiles.Verdict) Reason {
	switch v {
	case profiles.NotFinite:
		return ReasonNotFinite
	case profiles.Negative:
		return ReasonNegative
	case profiles.Zero:
		return ReasonZeroMemory
	case profiles.Implausible:
		return ReasonImplausible
	case profiles.Future:
		return ReasonFuture
	case profiles.TooOld:
		return ReasonStale
	default:
		return ""
	}
}

// Report is what one reading of the fleet came to.
type Report struct {
	// Queries is how many requests were sent.
	Queries int
	// CPU and Memory are how many values were given.
	CPU, Memory int
	// Unknown is what was not given, by reason.
	Unknown map[Reason]int
	// Warnings are what the source itself says of its answer, such as that a part of it did not answer: what is missing is
	// then missing for no fault of the container's.
	Warnings []string
}

// Miss counts something that is unknown.
func (r *Report) Miss(reason Reason, times int) {
	if times == 0 {
		return
	}
	if r.Unknown == nil {
		r.Unknown = map[Reason]int{}
	}
	r.Unknown[reason] += times
}

// Reasons gives the reasons why something is unknown, in the order of the alphabet.
func (r *Report) Reasons() []Reason { return slices.Sorted(maps.Keys(r.Unknown)) }

// Give passes on what of a sample is a usage, counts it, and counts why the rest is none. Now is the time; what was measured
// longer ago than maxAge is stale, unless maxAge is 0.
func (r *Report) Give(s Sample, now time.Time, maxAge time.Duration, yield func(Sample)) {
	verdicts := s.Judge(now)
	stale := maxAge > 0 && now.Sub(s.At) > maxAge
	if r.takes(verdicts.CPU, stale) {
		r.CPU++
	} else {
		s.CPU = size.Opt[float64]{}
	}
	if r.takes(verdicts.Memory, stale) {
		r.Memory++
	} else {
		s.Memory = size.Opt[float64]{}
	}
	if s.CPU.Present() || s.Memory.Present() {
		yield(s)
	}
}

func (r *Report) takes(v profiles.Verdict, stale bool) bool {
	reason := reasonOf(v)
	if reason == "" && stale && v != profiles.Absent {
		reason = ReasonStale
	}
	if reason != "" {
		r.Miss(reason, 1)
	}
	return reason == "" && v != profiles.Absent
}
