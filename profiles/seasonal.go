package profiles

import (
	"fmt"
	"time"
)

// Seasonal sizes by the peaks of the same hours of earlier days or weeks, where these have foretold usage well; where
// they have not, by [Peak]. The size is for the hours ahead, so that it is large before the load comes.
type Seasonal struct {
	Season Season
	// Ahead is for how long from now the size must do. It should be longer than growing and shrinking take.
	Ahead         time.Duration
	MarginPercent int32
	// CoveragePercent is the share of tested hours of which the peak must have been foretold, with the margin.
	CoveragePercent int32
	// Window is that of the peak to fall back to.
	Window time.Duration
}

// Season is which seasons may be used.
type Season string

// The seasons.
const (
	// AnySeason is the one that foretells the smaller sizes, of those that are relied on.
	AnySeason Season = "Any"
	// Daily is hours of the day: a night is like the nights before.
	Daily Season = "Daily"
	// Weekly is hours of the week: a Sunday is like the Sundays before.
	Weekly Season = "Weekly"
)

// DefaultSeasonal gives the defaults.
//
//	ahead 6 hours   ours: longer than a rollout, shorter than a night
//	coverage 98 %   ours: one hour of three days, three hours of a week may have been missed, by more than the margin
//	margin 15 %     VPA's --recommendation-margin-fraction
//	window 14 days  as Peak
func DefaultSeasonal() Seasonal {
	return Seasonal{
		Season:          AnySeason,
		Ahead:           6 * time.Hour,
		MarginPercent:   defaultMarginPercent,
		CoveragePercent: 98,
		Window:          defaultWindow,
	}
}

const (
	day  = 24
	week = 7 * day
	// worthwhile is how large, at most, what a season foretells is on average, beside the peak of the window. With less
	// to gain, the peak is the safer answer.
	worthwhile = 0.85
	// testable is the share of the tested hours that must be known and foretold by known hours.
	testable = 0.9
)

// cycles is how a season is learned and tested. A period is accepted by Crane's DSP when it is a day or a week and was
// seen twice; here it is learned from at least so many cycles, and tested on hours that come after them.
type cycles struct {
	season Season
	shape  Shape
	period int
	// least and most are how many earlier cycles foretell an hour.
	least, most int
	// tested is how many of the latest hours are tested.
	tested int
}

// seasonsTested is how many seasons there are.
const seasonsTested = 2

var seasons = [seasonsTested]cycles{
	{season: Daily, shape: ShapeDaily, period: day, least: 3, most: 7, tested: 3 * day},
	{season: Weekly, shape: ShapeWeekly, period: week, least: 2, most: 3, tested: week},
}

// Name is NameSeasonal.
func (Seasonal) Name() Name { return NameSeasonal }

// Decay is the default: nothing is read from the histograms.
func (Seasonal) Decay() Decay { return defaultDecay }

// Validate says what is wrong with the settings.
func (a Seasonal) Validate() error {
	var c checks
	switch a.Season {
	case AnySeason, Daily, Weekly:
	default:
		c.err = fmt.Errorf("the season is %q: set Any, Daily or Weekly", a.Season)
	}
	c.between("the time ahead", a.Ahead, time.Hour, week*time.Hour)
	c.margin(a.MarginPercent)
	c.within("the coverage", int64(a.CoveragePercent), 50, 100, "%")
	c.window(a.Window)
	return c.err
}

// Estimate gives what the season foretells, or the peak.
func (a Seasonal) Estimate(now time.Time, s *State) Estimate {
	var e Estimate
	for r := range resources {
		b, ok := a.band(&e, now, r, s)
		if !ok {
			b, ok = Peak{Window: a.Window, MarginPercent: a.MarginPercent}.band(&e, r, s)
		}
		if ok {
			s.settle(&e, r, b, a.MarginPercent)
		} else {
			s.absent(&e, r)
		}
	}
	return e
}

// band sizes one resource by its best season; false where none can be relied on.
func (a Seasonal) band(e *Estimate, now time.Time, r resource, s *State) (band, bool) {
	u := &s.use[r]
	peak, known := u.peak(r, inHours(a.Window))
	if known == 0 {
		return band{}, false
	}
	best := a.best(now, r, s, peak)
	if !best.relied {
		e.say(CodeNoSeason, "%s: %s", r, best.why())
		return band{}, false
	}
	e.say(CodeSeason, "%s: %s; until %s %s is foretold, + %d%%", r, best.why(),
		now.Add(a.Ahead).UTC().Format("Mon 15:04 MST"), r.format(best.ahead), a.MarginPercent)
	target := best.ahead * percent(100+a.MarginPercent)
	return band{lower: half(best.ahead, target), target: target, upper: widen(target, a.MarginPercent, known)}, true
}

// best gives the forecast of the season that foretells the smaller sizes, of those that are relied on.
func (a Seasonal) best(now time.Time, r resource, s *State, peak float64) forecast {
	var best forecast
	u := &s.use[r]
	p := past{of: &u.hours}
	for i, c := range seasons {
		if a.Season != AnySeason && a.Season != c.season {
			continue
		}
		t, sum := s.test(r, i, a.MarginPercent, &p)
		if f := a.judge(now, c, t, sum, r, u, &p, peak); best.why == nil || f.better(best) {
			best = f
		}
	}
	return best
}

// forecast is what a season foretells, and whether it is to be relied on.
type forecast struct {
	relied bool
	// why is written only when it is said.
	why   func() string
	shape Shape
	// ahead is the highest usage of the time ahead, mean the average over the tested hours.
	ahead, mean float64
	// surprise is the highest level that was not foretold, of the latest day: no season is trusted to go below it.
	surprise uint8
}

func (f forecast) better(other forecast) bool {
	if f.relied != other.relied {
		return f.relied
	}
	return f.relied && f.mean < other.mean
}

// seasonTest is how well a season has foretold the latest hours.
type seasonTest struct {
	// tested hours are known and were foretold, covered ones within the margin.
	tested, covered uint8
	// surprise is the highest level of the latest day that was not foretold.
	surprise uint8
}

// worked is what costs most of a recommendation, and holds until an hour's peak or the highest usage changes, which happens a
// few times an hour. It is small, for there is one for every container, and not kept over a restart.
type worked struct {
	// sums are of what was foretold, in units, and belong to tests.
	sums  [resources][seasonsTested]float32
	tests [resources][seasonsTested]seasonTest
	// marginPercent is that of tests, with the 100 % that it is added to; 0: there are none.
	marginPercent int16
	// done has a bit for each of the tests that is there.
	done uint8
	// shape is 1 for the first of shapes; 0: it was not worked out.
	shape uint8
}

func (s *State) workedOut() *worked {
	if s.worked == nil {
		s.worked = &worked{}
	}
	return s.worked
}

// test gives how well a season has foretold, and the sum of it.
func (s *State) test(r resource, season int, marginPercent int32, p *past) (seasonTest, float64) {
	w := s.workedOut()
	if margin := int16(100 + marginPercent); w.marginPercent != margin {
		w.marginPercent, w.done = margin, 0
	}
	bit := uint8(1) << (int(r)*seasonsTested + season)
	t, sum := &w.tests[r][season], &w.sums[r][season]
	if w.done&bit == 0 {
		*t, *sum = seasons[season].test(percent(100+marginPercent), p.made())
		w.done |= bit
	}
	return *t, float64(*sum)
}

// test foretells each of the latest hours from earlier ones, and compares it with what came.
func (c cycles) test(margin float64, p *past) (t seasonTest, sum float32) {
	foretoldInAll := 0.0
	for h := hoursKept - 1 - c.tested; h < hoursKept-1; h++ { // the newest hour is still running
		foretold, ok := c.foretell(p, h)
		came := p.hours[h]
		if !ok || came == 0 {
			continue
		}
		t.tested++
		foretoldInAll += tops[foretold]
		switch {
		case tops[came] <= tops[foretold]*margin:
			t.covered++
		case h >= hoursKept-1-day:
			t.surprise = max(t.surprise, came)
		}
	}
	return t, float32(foretoldInAll)
}

// judge tells whether a season may be followed, and foretells the hours ahead.
func (a Seasonal) judge(now time.Time, c cycles, t seasonTest, sum float64, r resource, u *usage, past *past, peak float64) forecast {
	tested, covered := int(t.tested), int(t.covered)
	if float64(tested) < testable*float64(c.tested) {
		return forecast{why: func() string {
			return fmt.Sprintf("no %s season yet: %d of %d hours can be tested", c.season, tested, c.tested)
		}}
	}
	f := forecast{shape: c.shape, mean: sum / float64(tested) * r.unit(), surprise: t.surprise}
	if covered*100 < tested*int(a.CoveragePercent) {
		f.why = func() string {
			return fmt.Sprintf("no %s season: %d of %d hours were foretold", c.season, covered, tested)
		}
		return f
	}
	if f.mean > worthwhile*peak {
		f.why = func() string {
			return fmt.Sprintf("no %s season worth following: it foretells %.0f %% of the peak on average", c.season, 100*f.mean/peak)
		}
		return f
	}
	return a.lookAhead(now, c, r, u, past, f, func() string {
		return fmt.Sprintf("a %s season foretold %d of %d hours", c.season, covered, tested)
	})
}

// lookAhead foretells the hours ahead, and relies on the season where it holds now.
func (a Seasonal) lookAhead(now time.Time, c cycles, r resource, u *usage, past *past, f forecast, why func() string) forecast {
	past.made()
	newest := u.hours.newest
	thisHour := now.Unix() / hour
	if thisHour > newest+day {
		f.why = func() string {
			return fmt.Sprintf("the %s season is not followed: the newest sample is %d hours old", c.season, thisHour-newest)
		}
		return f
	}
	ahead := f.surprise
	for h := thisHour; h <= (now.Unix()+int64(a.Ahead/time.Second))/hour; h++ {
		foretold, ok := c.foretell(past, int(h-newest)+hoursKept-1)
		if !ok {
			f.why = func() string { return fmt.Sprintf("no %s season: an hour ahead was not seen often enough", c.season) }
			return f
		}
		ahead = max(ahead, foretold)
	}
	f.ahead = r.amount(ahead, u.top)
	if is := r.amount(max(past.hours[hoursKept-1], past.hours[hoursKept-2]), u.top); is > f.ahead*percent(100+a.MarginPercent) {
		f.why = func() string {
			return fmt.Sprintf("the %s season does not hold now: %s is used, %s was foretold", c.season, r.format(is), r.format(f.ahead))
		}
		return f
	}
	f.relied, f.why = true, why
	return f
}

// past is the hours kept, and each of them with its neighbours: what starts on the hour starts a little before or after. It is
// made when it is first read.
type past struct {
	of            *hours
	hours, around line
	ready         bool
}

func (p *past) made() *past {
	if p.ready {
		return p
	}
	p.ready, p.hours = true, p.of.line()
	before := uint8(0)
	for i, level := range p.hours[:hoursKept-1] {
		p.around[i] = max(before, level, p.hours[i+1])
		before = level
	}
	p.around[hoursKept-1] = max(before, p.hours[hoursKept-1])
	return p
}

// foretell gives the highest level of an hour and its neighbours in earlier cycles; false where too few are known.
func (c cycles) foretell(p *past, h int) (highest uint8, ok bool) {
	seen := 0
	for range c.most {
		h -= c.period
		if h < 0 {
			break
		}
		if h < hoursKept && p.hours[h] > 0 {
			seen++
			highest = max(highest, p.around[h])
		}
	}
	return highest, seen >= c.least
}

// days writes a window.
func days(d time.Duration) string {
	if d%(day*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(day*time.Hour))
	}
	return fmt.Sprintf("%d hours", inHours(d))
}
