package profiles

import (
	"fmt"
	"time"
)

// Auto chooses, by the kind of component and by what is known of it, and says what it chose and why.
type Auto struct {
	Kind Kind
}

// Kind is a kind of component, as far as sizing it differs.
type Kind string

// The kinds.
const (
	KindAPIServer         Kind = "APIServer"
	KindEtcd              Kind = "Etcd"
	KindControllerManager Kind = "ControllerManager"
	KindScheduler         Kind = "Scheduler"
	// KindOther is anything else: it is treated with the care of a kube-apiserver.
	KindOther Kind = "Other"
)

// care is what differs between kinds.
type care struct {
	kind Kind
	// cpuPercent is the load-adjusted percentile of CPU: Autopilot's S_p95 for what users wait for, S_p90 for what they do
	// not (EuroSys 2020, section 3.2.2).
	cpuPercent int32
	// memorySeason is whether memory may follow a season. A kill of a replica that waits for a lease costs nobody
	// anything, and one of a leader a change of leaders; a kube-apiserver's costs its users their requests and watches,
	// an etcd member's half of what its cluster can lose.
	memorySeason bool
}

var cares = []care{
	{kind: KindAPIServer, cpuPercent: 95, memorySeason: false},
	{kind: KindEtcd, cpuPercent: 95, memorySeason: false},
	{kind: KindControllerManager, cpuPercent: 90, memorySeason: true},
	{kind: KindScheduler, cpuPercent: 90, memorySeason: true},
	{kind: KindOther, cpuPercent: 95, memorySeason: false},
}

func (k Kind) care() (care, bool) {
	for _, c := range cares {
		if c.kind == k {
			return c, true
		}
	}
	return care{cpuPercent: 95}, false
}

const (
	// busyDays and busyShare: the CPU of a busy hour is what nine of ten hours of a week stay below at their peak. Ours.
	busyDays  = 7
	busyShare = 0.90
	// autoMarginPercent is VPA's, and the upper end of Autopilot's. On recorded loads it kills no more often than VPA's
	// algorithm with less memory (docs/profiles.md).
	autoMarginPercent = defaultMarginPercent
	// youngMarginPercent is the margin of a container of which no hour is known; it goes down to autoMarginPercent within
	// a day. Ours: a container has not shown in an hour what it uses in a day.
	youngMarginPercent = 50
	// Growth: peaks of days that rose growthDays times in a row, each time by growthPercent or more, are carried on for
	// a day, by maxGrowthPercent of the peak at most. Ours.
	growthDays       = 3
	growthPercent    = 2
	maxGrowthPercent = 50
)

// Name is NameAuto.
func (Auto) Name() Name { return NameAuto }

// Decay is that of a service's CPU over a day and night, and the paper's for memory.
func (Auto) Decay() Decay { return Decay{CPUHalfLife: 24 * time.Hour, MemoryHalfLife: 48 * time.Hour} }

// Validate says what is wrong with the settings.
func (a Auto) Validate() error {
	if _, ok := a.Kind.care(); !ok {
		return fmt.Errorf("the kind is %q: set APIServer, Etcd, ControllerManager, Scheduler or Other", a.Kind)
	}
	return nil
}

// Estimate chooses for each resource on its own: too little CPU makes a component slow for a while, too little memory
// kills it.
func (a Auto) Estimate(now time.Time, s *State) Estimate {
	var e Estimate
	for r := range resources {
		b, ok := a.band(&e, now, r, s)
		if !ok {
			s.absent(&e, r)
			continue
		}
		s.settle(&e, r, s.grow(&e, r, b), autoMarginPercent)
	}
	return e
}

// band sizes one resource.
func (a Auto) band(e *Estimate, now time.Time, r resource, s *State) (band, bool) {
	_, known := s.use[r].peak(r, hoursKept)
	if known == 0 {
		return band{}, false
	}
	care, _ := a.Kind.care()
	margin := int32(autoMarginPercent)
	if known < day {
		margin = youngMarginPercent - int32(known)*(youngMarginPercent-margin)/day
	}
	if r == cpu || care.memorySeason {
		seasonal := DefaultSeasonal()
		seasonal.MarginPercent = margin
		if b, ok := seasonal.band(e, now, r, s); ok {
			e.say(CodeChoice, "%s: Seasonal, since its season held", r)
			return b, true
		}
	}
	if r == memory {
		e.say(CodeChoice, "memory: Peak, since a kill costs more than memory does")
		return Peak{Window: defaultWindow, MarginPercent: margin}.band(e, r, s)
	}
	e.say(CodeChoice, "cpu: MovingWindow and busy hours, since no season holds")
	window := DefaultMovingWindow()
	window.MarginPercent = margin
	window.LargeMarginPercent = min(window.LargeMarginPercent, margin)
	window.CPU.Percent = care.cpuPercent
	b, ok := window.band(e, r, window.CPU, s)
	if busy, ok := s.use[r].busy(r); ok && busy*percent(100+margin) > b.target {
		e.say(CodePeak, "cpu: nine of ten hours of a week peak below %s, + %d%%", r.format(busy), margin)
		target := busy * percent(100+margin)
		b.target, b.upper = target, max(b.upper, widen(target, margin, known))
	}
	return b, ok
}

// busy gives what busyShare of the hours of busyDays stay below at their peak.
func (u *usage) busy(r resource) (float64, bool) {
	var count [topLevel + 1]int
	known := 0
	older, newer := u.hours.latest(busyDays * day)
	for _, part := range [2][]uint8{older, newer} {
		for _, l := range part {
			if l > 0 {
				count[l]++
				known++
			}
		}
	}
	above := 0
	for level := topLevel; level > 0; level-- {
		above += count[level]
		if float64(above) > float64(known)*(1-busyShare) {
			return r.amount(uint8(level), u.top), true
		}
	}
	return 0, false
}

// grow puts a band ahead of usage that rises from day to day.
func (s *State) grow(e *Estimate, r resource, b band) band {
	slope, from, ok := s.use[r].slope(r)
	if !ok {
		return b
	}
	ahead := min(slope, from*percent(maxGrowthPercent))
	e.say(CodeGrowth, "%s: the peak of a day rose %d times in a row, by %s a day: one day ahead", r, growthDays, r.format(slope))
	return band{lower: b.lower, target: b.target + ahead, upper: b.upper + ahead}
}

// slope gives by how much the peak of a day has risen per day, and the peak of the latest day; false where it did not
// rise every day.
func (u *usage) slope(r resource) (perDay, latest float64, rising bool) {
	var peaks [growthDays + 1]uint8 // the latest first
	hours := u.hours.line()
	for n := range peaks {
		known := 0
		end := hoursKept - n*day
		for _, l := range hours[end-day : end] {
			if l > 0 {
				known++
				peaks[n] = max(peaks[n], l)
			}
		}
		if known < day/2 || n > 0 && tops[peaks[n-1]] < tops[peaks[n]]*percent(100+growthPercent) {
			return 0, 0, false
		}
	}
	latest = r.amount(peaks[0], u.top)
	return (latest - r.amount(peaks[growthDays], u.top)) / growthDays, latest, true
}
