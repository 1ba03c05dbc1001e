package profiles

import "time"

// Peak sizes by the highest usage of a window, with a margin. Nothing fades within the window, and a spike of seconds
// counts as much as a load of hours: for what must not be killed.
type Peak struct {
	// Window ends at the newest sample.
	Window        time.Duration
	MarginPercent int32
}

// DefaultPeak gives the defaults.
//
//	window 14 days  KRR's simple strategy: the maximum of 14 days. A weekly storm is in it twice
//	margin 15 %     KRR's simple strategy, and VPA's --recommendation-margin-fraction
func DefaultPeak() Peak { return Peak{Window: defaultWindow, MarginPercent: defaultMarginPercent} }

// Name is NamePeak.
func (Peak) Name() Name { return NamePeak }

// Decay is the default: nothing is read from the histograms.
func (Peak) Decay() Decay { return defaultDecay }

// Validate says what is wrong with the settings.
func (a Peak) Validate() error {
	var c checks
	c.window(a.Window)
	c.margin(a.MarginPercent)
	return c.err
}

// Estimate gives the peaks, with the margin.
func (a Peak) Estimate(_ time.Time, s *State) Estimate {
	var e Estimate
	for r := range resources {
		if b, ok := a.band(&e, r, s); ok {
			s.settle(&e, r, b, a.MarginPercent)
		} else {
			s.absent(&e, r)
		}
	}
	return e
}

// band sizes one resource: from where half of the margin is used up to one margin above the target.
func (a Peak) band(e *Estimate, r resource, s *State) (band, bool) {
	peak, known := s.use[r].peak(r, inHours(a.Window))
	if known == 0 {
		return band{}, false
	}
	e.say(CodePeak, "%s: the peak of %d hours known in %s is %s, + %d%%", r, known, days(a.Window), r.format(peak), a.MarginPercent)
	e.short(r, known)
	target := peak * percent(100+a.MarginPercent)
	return band{lower: half(peak, target), target: target, upper: widen(target, a.MarginPercent, known)}, true
}
