package profiles

import (
	"fmt"
	"math"
	"time"

	"github.com/metapilot/metapilot/size"
)

// Algorithm turns what is known of a container into sizes. [Percentile], [Peak], [MovingWindow], [Seasonal] and [Auto]
// are settings and nothing else; *vpa.State (package profiles/vpa) keeps more than a State does and is one too.
type Algorithm interface {
	// Name is how a user chooses it.
	Name() Name
	// Validate says what is wrong with the settings.
	Validate() error
	// Decay is how fast samples fade in a State that the algorithm reads.
	Decay() Decay
	// Estimate gives sizes for the time from now on. What is not known is absent.
	Estimate(now time.Time, s *State) Estimate
}

// Name is the name of an algorithm.
type Name string

// The names.
const (
	NameVPA          Name = "VPA"
	NamePercentile   Name = "Percentile"
	NamePeak         Name = "Peak"
	NameMovingWindow Name = "MovingWindow"
	NameSeasonal     Name = "Seasonal"
	NameAuto         Name = "Auto"
)

// Estimate is the answer of an algorithm.
type Estimate struct {
	// Lower ≤ Target ≤ Upper: a size between the outer two is not worth changing.
	Lower, Target, Upper size.Amounts
	Reasons              []Reason
}

// Reason is one step of the way to a size: a code for machines, a sentence for people.
type Reason struct {
	Code    Code
	Message string
}

// Code is the one-word why of a step.
type Code string

// The codes.
const (
	// CodeNoData: there is no sample of the resource.
	CodeNoData Code = "NoData"
	// CodeShortHistory: little is known, so that the upper bound is wide.
	CodeShortHistory Code = "ShortHistory"
	// CodePercentile: the size is a percentile of usage.
	CodePercentile Code = "Percentile"
	// CodeAverage: the size is the average of usage.
	CodeAverage Code = "Average"
	// CodePeak: the size is the peak of a window.
	CodePeak Code = "Peak"
	// CodeSeason: the size is the peak of the same hours of earlier days or weeks.
	CodeSeason Code = "Season"
	// CodeNoSeason: no season can be relied on.
	CodeNoSeason Code = "NoSeason"
	// CodeGrowth: usage rises from day to day, and the size is ahead of it.
	CodeGrowth Code = "Growth"
	// CodeStartUp: the size is what a start of the container takes.
	CodeStartUp Code = "StartUp"
	// CodeOOM: the size is what a remembered OOM kill calls for.
	CodeOOM Code = "OOM"
	// CodeChoice: which algorithm was chosen, and why.
	CodeChoice Code = "Choice"
	// CodeMinimum and CodeMaximum: the bounds set by the user hold the size.
	CodeMinimum Code = "Minimum"
	CodeMaximum Code = "Maximum"
)

// band is the sizes of one resource while they are being worked out, in millicores or bytes.
type band struct {
	lower, target, upper float64
}

// confident is how many hours make a history of days: VPA's confidence interval of 24 hours, by which it widens its
// upper bound to (1 + 1/days) times.
const confident = 24

// widen puts an upper bound over a target: a margin more, and the wider the less is known.
func widen(target float64, marginPercent int32, known int) float64 {
	return target * percent(100+marginPercent) * (1 + min(confident/float64(max(known, 1)), 10))
}

// half is the lower bound of a size that is a peak and a margin: a size that has used up half of its margin is worth
// raising before the next peak uses up the rest.
func half(peak, target float64) float64 { return (peak + target) / 2 }

func percent(p int32) float64 { return float64(p) / 100 }

// raise lifts a band so that none of it is below a floor.
func (b band) raise(floor float64) band {
	return band{lower: max(b.lower, floor), target: max(b.target, floor), upper: max(b.upper, floor)}
}

// settle makes bands an answer: those of memory are raised to what a start and a remembered kill take.
func (s *State) settle(e *Estimate, r resource, b band, marginPercent int32) {
	if r == memory {
		if start, ok := s.starts.peak(r); ok && start*percent(100+marginPercent) > b.target {
			b = b.raise(start * percent(100+marginPercent))
			e.say(CodeStartUp, "memory: a start takes %s, + %d%%", r.format(start), marginPercent)
		}
		if kill, ok := s.kills.worst(s.newest()); ok && kill.need() > b.target {
			b = b.raise(kill.need())
			e.say(CodeOOM, "memory: killed at %s on %s, remembered for %d days",
				r.format(float64(kill.held)), time.Unix(kill.at, 0).UTC().Format(time.RFC3339), killRemembered/hour/24)
		}
	}
	b.target = max(b.target, r.unit()) // nothing runs with nothing
	r.put(&e.Lower, max(min(b.lower, b.target), r.unit()))
	r.put(&e.Target, b.target)
	r.put(&e.Upper, max(b.target, b.upper))
}

// newest is the time of the newest evidence. Windows end there and not now: what is missing is not over.
func (s *State) newest() int64 { return max(int64(s.last), s.kills.latest()) }

// absent answers a resource of which nothing is known, except that a start or a kill may have been seen.
func (s *State) absent(e *Estimate, r resource) {
	e.say(CodeNoData, "%s: no sample yet", r)
	if kill, ok := s.kills.worst(s.newest()); ok && r == memory {
		b := band{}.raise(kill.need())
		b.upper = widen(b.target, 100, 0)
		s.settle(e, r, b, 0)
	}
}

func (e *Estimate) say(code Code, format string, args ...any) {
	e.Reasons = append(e.Reasons, Reason{Code: code, Message: fmt.Sprintf(format, args...)})
}

// checks collects what is wrong with settings.
type checks struct {
	err error
}

func (c *checks) within(name string, v, low, high int64, unit string) {
	if c.err == nil && (v < low || v > high) {
		c.err = fmt.Errorf("%s is %d%s: set it from %d%s to %d%s", name, v, unit, low, unit, high, unit)
	}
}

func (c *checks) between(name string, v, low, high time.Duration) {
	if c.err == nil && (v < low || v > high) {
		c.err = fmt.Errorf("%s is %s: set it from %s to %s", name, v, low, high)
	}
}

func (c *checks) margin(v int32) { c.within("the margin", int64(v), 0, 300, "%") }
func (c *checks) decay(d Decay) {
	c.between("the half-life of CPU", d.CPUHalfLife, MinHalfLife, MaxHalfLife)
	c.between("the half-life of memory", d.MemoryHalfLife, MinHalfLife, MaxHalfLife)
}

func (c *checks) window(w time.Duration) {
	c.between("the window", w, time.Hour, hoursKept*time.Hour)
}

// inHours rounds a window up to whole hours.
func inHours(d time.Duration) int64 { return int64(math.Ceil(d.Hours())) }

// Shared defaults.
const (
	// defaultMarginPercent is VPA's --recommendation-margin-fraction, and within Autopilot's 10 to 15 %.
	defaultMarginPercent = 15
	// defaultWindow is two weeks: what happens once a week is in it twice, and a missed week still leaves one.
	defaultWindow = 14 * 24 * time.Hour
)

// defaultDecay serves algorithms that read no percentile: another one may be chosen later.
var defaultDecay = Decay{CPUHalfLife: 24 * time.Hour, MemoryHalfLife: 48 * time.Hour}
