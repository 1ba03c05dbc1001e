package profiles

import "time"

// Percentile sizes by percentiles of usage, with a margin: what VPA does, with every number open, samples of the hottest
// replica, and memory by the peaks of five minutes instead of days.
type Percentile struct {
	CPU, Memory   Percentiles
	HalfLife      Decay
	MarginPercent int32
}

// Percentiles are the shares of samples, in percent, that a size covers.
type Percentiles struct {
	Lower, Target, Upper int32
}

// DefaultPercentile gives the defaults.
//
//	CPU 60/95/99      target as KRR's simple strategy and Alibaba ACK have it: P95
//	memory 60/99/100  target as ACK has it: P99
//	half-life 7 days  ACK and Koordinator: 14 days, KRR: a window of 14 days; a decay of 7 days keeps as much
//	margin 15 %       VPA's --recommendation-margin-fraction
func DefaultPercentile() Percentile {
	return Percentile{
		CPU:           Percentiles{Lower: 60, Target: 95, Upper: 99},
		Memory:        Percentiles{Lower: 60, Target: 99, Upper: 100},
		HalfLife:      Decay{CPUHalfLife: 7 * 24 * time.Hour, MemoryHalfLife: 7 * 24 * time.Hour},
		MarginPercent: defaultMarginPercent,
	}
}

// Name is NamePercentile.
func (Percentile) Name() Name { return NamePercentile }

// Decay is the half-lives of the settings.
func (a Percentile) Decay() Decay { return a.HalfLife }

// Validate says what is wrong with the settings.
func (a Percentile) Validate() error {
	var c checks
	for r, p := range [resources]Percentiles{a.CPU, a.Memory} {
		name := resource(r).String()
		c.within("the target percentile of "+name, int64(p.Target), 1, 100, "")
		c.within("the lower percentile of "+name, int64(p.Lower), 1, int64(p.Target), "")
		c.within("the upper percentile of "+name, int64(p.Upper), int64(p.Target), 100, "")
	}
	c.decay(a.HalfLife)
	c.margin(a.MarginPercent)
	return c.err
}

// Estimate gives the percentiles, with the margin.
func (a Percentile) Estimate(_ time.Time, s *State) Estimate {
	var e Estimate
	for r, p := range [resources]Percentiles{a.CPU, a.Memory} {
		r := resource(r)
		u := &s.use[r]
		target, ok := u.share(r, percent(p.Target), once)
		if !ok {
			s.absent(&e, r)
			continue
		}
		lower, _ := u.share(r, percent(p.Lower), once)
		upper, _ := u.share(r, percent(p.Upper), once)
		_, known := u.hours.peak(hoursKept)
		margin := percent(100 + a.MarginPercent)
		e.say(CodePercentile, "%s: P%d is %s, + %d%%", r, p.Target, r.format(target), a.MarginPercent)
		e.short(r, known)
		s.settle(&e, r, band{lower: lower * margin, target: target * margin, upper: widen(upper, a.MarginPercent, known)}, a.MarginPercent)
	}
	return e
}

// short says that there is little history.
func (e *Estimate) short(r resource, known int) {
	if known < confident {
		e.say(CodeShortHistory, "%s: %d hours are known, so that the upper bound is wide", r, known)
	}
}
