package profiles

import (
	"fmt"
	"time"
)

// MovingWindow sizes by the statistics of Google's Autopilot: Rzadca and others, "Autopilot: workload autoscaling at
// Google", EuroSys 2020, section 3.2.2.
//
// The last step of the paper, the highest recommendation of the last hour, is left to whoever shrinks the container: that
// takes hours of evidence anyway. The paper's histogram holds every second of every task; here it holds what sources
// have, of the hottest replica.
type MovingWindow struct {
	CPU, Memory Statistic
	HalfLife    Decay
	// Window is that of the statistic Maximum; it ends at the newest sample.
	Window time.Duration
	// MarginPercent is added to small sizes, LargeMarginPercent to large ones: from 4 cores and 8 GiB. Between the two
	// it goes down evenly.
	MarginPercent, LargeMarginPercent int32
}

// Statistic is a statistic of the paper.
type Statistic struct {
	Kind StatisticKind
	// Percent is the percentile of LoadPercentile and Intermediate, 1 to 100.
	Percent int32
}

// StatisticKind is which statistic it is.
type StatisticKind string

// The statistics of the paper.
const (
	// Maximum is S_max, the highest usage of a window: for memory with minimal tolerance of OOM kills.
	Maximum StatisticKind = "Maximum"
	// Average is S_avg, the average weighed by age: for CPU of batch work.
	Average StatisticKind = "Average"
	// LoadPercentile is S_pj, a percentile of usage weighed by age and by usage itself: at S_p95, 95 % of all CPU
	// time was spent at or below it. For CPU of services, and for memory with low tolerance.
	LoadPercentile StatisticKind = "LoadPercentile"
	// Intermediate is the larger of S_pj and half of S_max: for memory with intermediate tolerance.
	Intermediate StatisticKind = "Intermediate"
)

// DefaultMovingWindow gives the defaults.
//
//	CPU S_p95, memory S_p98            section 3.2.2: services, and low tolerance of OOM kills
//	half-lives 12 h CPU, 48 h memory   section 3.2.2
//	margin 15 %, 10 % when large       section 3.2.2: "10-15 %", less for large jobs; where large begins is ours
//	window 14 days                     ours: the paper does not say how long S_max looks back
func DefaultMovingWindow() MovingWindow {
	return MovingWindow{
		CPU:                Statistic{Kind: LoadPercentile, Percent: 95},
		Memory:             Statistic{Kind: LoadPercentile, Percent: 98},
		HalfLife:           Decay{CPUHalfLife: 12 * time.Hour, MemoryHalfLife: 48 * time.Hour},
		Window:             defaultWindow,
		MarginPercent:      15,
		LargeMarginPercent: 10,
	}
}

// large is the usage from which LargeMarginPercent holds: 4 cores, 8 GiB.
var large = [resources]float64{cpu: 4000, memory: 8 << 30}

// Name is NameMovingWindow.
func (MovingWindow) Name() Name { return NameMovingWindow }

// Decay is the half-lives of the settings.
func (a MovingWindow) Decay() Decay { return a.HalfLife }

// Validate says what is wrong with the settings.
func (a MovingWindow) Validate() error {
	var c checks
	for r, st := range [resources]Statistic{a.CPU, a.Memory} {
		name := resource(r).String()
		switch st.Kind {
		case Maximum, Average:
		case LoadPercentile, Intermediate:
			c.within("the percentile of "+name, int64(st.Percent), 1, 100, "")
		default:
			if c.err == nil {
				c.err = fmt.Errorf("the statistic of %s is %q: set Maximum, Average, LoadPercentile or Intermediate", name, st.Kind)
			}
		}
	}
	c.decay(a.HalfLife)
	c.window(a.Window)
	c.margin(a.MarginPercent)
	c.within("the margin of large sizes", int64(a.LargeMarginPercent), 0, int64(a.MarginPercent), "%")
	return c.err
}

// Estimate gives the statistics, with the margin.
func (a MovingWindow) Estimate(_ time.Time, s *State) Estimate {
	var e Estimate
	for r, st := range [resources]Statistic{a.CPU, a.Memory} {
		r := resource(r)
		if b, ok := a.band(&e, r, st, s); ok {
			s.settle(&e, r, b, a.MarginPercent)
		} else {
			s.absent(&e, r)
		}
	}
	return e
}

// band sizes one resource: from where half of the margin is used up to one margin above the target.
func (a MovingWindow) band(e *Estimate, r resource, st Statistic, s *State) (band, bool) {
	u := &s.use[r]
	average, ok := u.levels.mean(u.open, r.unit())
	if !ok {
		return band{}, false
	}
	average *= r.unit()
	peak, known := u.peak(r, inHours(a.Window))
	load, _ := u.share(r, percent(st.Percent), byLoad)
	value, margin := average, func(v float64) int32 { return a.margin(r, v) }
	switch st.Kind {
	case Maximum:
		value = peak
		e.say(CodePeak, "%s: S_max of %s is %s, + %d%%", r, days(a.Window), r.format(value), margin(value))
	case LoadPercentile:
		value = load
		e.say(CodePercentile, "%s: S_p%d is %s, + %d%%", r, st.Percent, r.format(value), margin(value))
	case Intermediate:
		value = max(load, peak/2)
		e.say(CodePercentile, "%s: S_p%d is %s, half of S_max %s; the larger + %d%%", r, st.Percent, r.format(load), r.format(peak/2), margin(value))
	default:
		e.say(CodeAverage, "%s: S_avg is %s, + %d%%", r, r.format(value), margin(value))
	}
	e.short(r, known)
	target := value * percent(100+margin(value))
	return band{lower: half(value, target), target: target, upper: widen(target, margin(value), known)}, true
}

// margin goes from MarginPercent for nothing down to LargeMarginPercent for what is large.
func (a MovingWindow) margin(r resource, v float64) int32 {
	share := min(v/large[r], 1)
	return a.MarginPercent - int32(share*float64(a.MarginPercent-a.LargeMarginPercent))
}
