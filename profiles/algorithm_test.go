package profiles

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultsAreValid(t *testing.T) {
	for _, a := range algorithms() {
		if err := a.Validate(); err != nil {
			t.Errorf("%s: %v", a.Name(), err)
		}
		if got, want := a.Decay().clamp(), a.Decay(); got != want {
			t.Errorf("%s: half-lives %+v are not within bounds", a.Name(), want)
		}
	}
}

func TestValidateSaysWhatToSet(t *testing.T) {
	percentile := func(change func(*Percentile)) Algorithm { a := DefaultPercentile(); change(&a); return a }
	window := func(change func(*MovingWindow)) Algorithm { a := DefaultMovingWindow(); change(&a); return a }
	seasonal := func(change func(*Seasonal)) Algorithm { a := DefaultSeasonal(); change(&a); return a }
	for want, a := range map[string]Algorithm{
		"the target percentile of cpu is 0: set it from 1 to 100":                             percentile(func(a *Percentile) { a.CPU.Target = 0 }),
		"the lower percentile of memory is 100: set it from 1 to 99":                          percentile(func(a *Percentile) { a.Memory.Lower = 100 }),
		"the upper percentile of cpu is 94: set it from 95 to 100":                            percentile(func(a *Percentile) { a.CPU.Upper = 94 }),
		"the half-life of CPU is 1m0s: set it from 1h0m0s to 672h0m0s":                        percentile(func(a *Percentile) { a.HalfLife.CPUHalfLife = time.Minute }),
		"the half-life of memory is 673h0m0s: set it from 1h0m0s to 672h0m0s":                 window(func(a *MovingWindow) { a.HalfLife.MemoryHalfLife = 673 * time.Hour }),
		"the margin is -1%: set it from 0% to 300%":                                           percentile(func(a *Percentile) { a.MarginPercent = -1 }),
		"the window is 0s: set it from 1h0m0s to 672h0m0s":                                    Peak{},
		"the margin is 301%: set it from 0% to 300%":                                          Peak{Window: time.Hour, MarginPercent: 301},
		"the percentile of cpu is 0: set it from 1 to 100":                                    window(func(a *MovingWindow) { a.CPU.Percent = 0 }),
		`the statistic of memory is "": set Maximum, Average, LoadPercentile or Intermediate`: window(func(a *MovingWindow) { a.Memory = Statistic{} }),
		"the margin of large sizes is 16%: set it from 0% to 15%":                             window(func(a *MovingWindow) { a.LargeMarginPercent = 16 }),
		`the season is "Yearly": set Any, Daily or Weekly`:                                    seasonal(func(a *Seasonal) { a.Season = "Yearly" }),
		"the time ahead is 169h0m0s: set it from 1h0m0s to 168h0m0s":                          seasonal(func(a *Seasonal) { a.Ahead = 169 * time.Hour }),
		"the coverage is 49%: set it from 50% to 100%":                                        seasonal(func(a *Seasonal) { a.CoveragePercent = 49 }),
		`the kind is "": set APIServer, Etcd, ControllerManager, Scheduler or Other`:          Auto{},
	} {
		err := a.Validate()
		if err == nil {
			t.Errorf("%s: is valid, want %q", a.Name(), want)
			continue
		}
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", a.Name(), diff)
		}
	}
}

func TestStatisticsOfAutopilot(t *testing.T) {
	s := New(DefaultMovingWindow())
	for m := range 24 * 60 { // half of the time 100, half 300; memory likewise
		v := float64(100 + 200*(m/60%2))
		s.Add(after(m), reading("a", m, v, v*mib))
	}
	at := after(24 * 60)
	for name, tc := range map[string]struct {
		statistic Statistic
		// want is the least: a level more may be shown.
		want float64
	}{
		"S_max":                             {Statistic{Kind: Maximum}, 300},
		"S_avg":                             {Statistic{Kind: Average}, 200},
		"S_p50 of load is of the busy half": {Statistic{Kind: LoadPercentile, Percent: 50}, 300},
		"S_p20 of load is of the calm half": {Statistic{Kind: LoadPercentile, Percent: 20}, 100},
		"half of S_max where that is more":  {Statistic{Kind: Intermediate, Percent: 20}, 150},
		"the percentile where that is more": {Statistic{Kind: Intermediate, Percent: 60}, 300},
	} {
		a := DefaultMovingWindow()
		a.MarginPercent, a.LargeMarginPercent = 0, 0
		a.CPU, a.Memory = tc.statistic, tc.statistic
		got := s.Recommend(at, a, Bounds{}).Target
		if c := float64(got.CPU.Or(0)); c < tc.want*0.98 || c > tc.want*1.07 {
			t.Errorf("%s of CPU is %g, want %g", name, c, tc.want)
		}
		if m := float64(got.Memory.Or(0)) / mib; m < tc.want*0.98 || m > tc.want*1.07 {
			t.Errorf("%s of memory is %g, want %g", name, m, tc.want)
		}
	}
}

func TestTheMarginIsLessWhenLarge(t *testing.T) {
	for v, want := range map[float64]int32{0: 15, 2000: 13, 4000: 10, 1e6: 10} {
		if got := DefaultMovingWindow().margin(cpu, v); got != want {
			t.Errorf("the margin of %g is %d %%, want %d %%", v, got, want)
		}
	}
}

// weekdays is a load of office hours: high from 8 to 18 o'clock on working days.
func weekdays(m int) float64 {
	if day, hour := m/1440%7, m%1440/60; day < 5 && hour >= 8 && hour < 18 {
		return 500
	}
	return 50
}

func steps(days int, use func(m int) float64) *State {
	s := New(DefaultSeasonal())
	for m := 0; m < days*1440; m += 5 {
		s.Add(after(m), reading("a", m, use(m), 100*mib))
	}
	return s
}

func TestASeasonIsAheadOfItsLoad(t *testing.T) {
	s := steps(28, weekdays)
	for name, tc := range map[string]struct {
		at   time.Time
		want string // CPU: 50 or 500, a level more, and 15 %
	}{
		"Monday at midnight is calm for six hours": {after(28 * 1440), "60m"},
		"Monday at 3 is before the load":           {after(28*1440 + 180), "593m"},
	} {
		got := s.Recommend(tc.at, DefaultSeasonal(), Bounds{})
		if got.Target.CPU.String() != tc.want || !says(got, CodeSeason) {
			t.Errorf("%s: %s, want %s: %v", name, got.Target.CPU, tc.want, got.Reasons)
		}
		if got.Shape != ShapeWeekly {
			t.Errorf("%s: the shape is %s", name, got.Shape)
		}
	}
	saturday := steps(26, weekdays)
	if got := saturday.Recommend(after(26*1440), DefaultSeasonal(), Bounds{}).Target.CPU.String(); got != "60m" {
		t.Errorf("on Saturday %s, want 60m", got)
	}
}

func TestWithoutASeasonThePeakHolds(t *testing.T) {
	rising := func(m int) float64 { // twice as high every four hours of the last day, after weeks of waves
		if m >= 27*1440 {
			return []float64{50, 100, 200, 400, 800, 900}[m%1440/240]
		}
		return weekdays(m)
	}
	drifting := func(m int) float64 { // a load of five hours that comes at another time every day
		if (m/60+17*(m/1440)*(m/1440)/3)%24 < 5 {
			return 500
		}
		return 50
	}
	for name, tc := range map[string]struct {
		state *State
		at    time.Time
		code  Code
		says  string
		want  string
	}{
		"little is known":       {steps(3, weekdays), after(3 * 1440), CodeNoSeason, "cpu: no Daily season yet: 0 of 72 hours can be tested", "575m"},
		"hours that never were": {steps(28, rising), after(28 * 1440), CodeNoSeason, "", "1035m"},
		"a load that drifts":    {steps(28, drifting), after(28 * 1440), CodeNoSeason, "", "575m"},
		"nothing to gain":       {steps(28, func(int) float64 { return 50 }), after(28 * 1440), CodeNoSeason, "cpu: no Daily season worth following: it foretells 104 % of the peak on average", "58m"},
		"samples that are old":  {steps(28, weekdays), after(30 * 1440), CodeNoSeason, "cpu: the Daily season is not followed: the newest sample is 49 hours old", "575m"},
	} {
		t.Run(name, func(t *testing.T) {
			a := DefaultSeasonal()
			a.CoveragePercent = 99
			got := tc.state.Recommend(tc.at, a, Bounds{})
			if got.Target.CPU.String() != tc.want {
				t.Errorf("%s, want %s: %v", got.Target.CPU, tc.want, got.Reasons)
			}
			for _, reason := range got.Reasons {
				if reason.Code == tc.code && (tc.says == "" || reason.Message == tc.says) {
					return
				}
			}
			t.Errorf("nobody says %q: %v", tc.says, got.Reasons)
		})
	}
}

// An hour that nobody foretold is allowed for in a test, but not forgotten at once.
func TestASurpriseHoldsForADay(t *testing.T) {
	s := steps(28, func(m int) float64 {
		if m/60 == 27*24+5 {
			return 400
		}
		return weekdays(m)
	})
	got := s.Recommend(after(28*1440), DefaultSeasonal(), Bounds{})
	if cpu := got.Target.CPU.Or(0); cpu < 460 || cpu > 485 || !says(got, CodeSeason) {
		t.Errorf("after a surprise of 400m %s: %v", got.Target, got.Reasons)
	}
	for m := 28 * 1440; m < 29*1440; m += 5 {
		s.Add(after(m), reading("a", m, weekdays(m), 100*mib))
	}
	if got := s.Recommend(after(29*1440), DefaultSeasonal(), Bounds{}); got.Target.CPU.String() != "60m" {
		t.Errorf("a day later %s, want 60m: %v", got.Target, got.Reasons)
	}
}

func TestASeasonThatDoesNotHoldNowIsLeft(t *testing.T) {
	s := steps(28, weekdays)
	at := 28*1440 + 30
	s.Add(after(at), reading("a", at, 700, 100*mib)) // Monday, half past midnight
	got := s.Recommend(after(at), DefaultSeasonal(), Bounds{})
	if got.Target.CPU.String() != "805m" || !says(got, CodeNoSeason) {
		t.Errorf("%s, want the peak, 805m: %v", got.Target.CPU, got.Reasons)
	}
}

func TestAutoSaysWhatItChose(t *testing.T) {
	calm := func(int) float64 { return 50 }
	for name, tc := range map[string]struct {
		state *State
		days  int
		want  []string
	}{
		"with a season": {steps(28, weekdays), 28, []string{
			"cpu: a Weekly season foretold 168 of 168 hours; until Mon 06:00 UTC 53m is foretold, + 15%",
			"cpu: Seasonal, since its season held",
			"memory: Peak, since a kill costs more than memory does",
			"memory: the peak of 336 hours known in 14 days is 100Mi, + 15%",
		}},
		"without": {steps(2, calm), 2, []string{
			"cpu: no Daily season yet: 0 of 72 hours can be tested",
			"cpu: MovingWindow and busy hours, since no season holds",
			"cpu: S_p95 is 53m, + 15%",
			"memory: Peak, since a kill costs more than memory does",
			"memory: the peak of 48 hours known in 14 days is 100Mi, + 15%",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, reason := range tc.state.Recommend(after(tc.days*1440), Auto{Kind: KindOther}, Bounds{}).Reasons {
				got = append(got, reason.Message)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAutoIsAheadOfGrowthAndGenerousWhenYoung(t *testing.T) {
	s := New(Auto{Kind: KindOther})
	for m := 0; m < 6*1440; m += 5 {
		s.Add(after(m), reading("a", m, 100, float64(200+m/1440*50)*mib))
	}
	got := s.Recommend(after(6*1440), Auto{Kind: KindOther}, Bounds{})
	// 450 MiB at the end, 15 % and the rise of a day, of which levels make 56 MiB instead of 50.
	if memory := got.Target.Memory.Or(0) / mib; memory != 574 || !says(got, CodeGrowth) || got.Shape != ShapeGrowing {
		t.Errorf("%s, shape %s: %v", got.Target, got.Shape, got.Reasons)
	}
	young := New(Auto{Kind: KindOther})
	young.Add(after(0), reading("a", 0, 100, 100*mib))
	if got := young.Recommend(after(0), Auto{Kind: KindOther}, Bounds{}).Target.Memory.Or(0) / mib; got != 149 {
		t.Errorf("after one hour %d MiB, want 49 %% more than the peak", got)
	}
}

func TestShapes(t *testing.T) {
	for want, s := range map[Shape]*State{
		ShapeUnknown: filled(DefaultPeak(), []Sample{reading("a", 0, 50, mib)}),
		ShapeIdle:    steps(8, func(int) float64 { return 2 }),
		ShapeSteady:  steps(8, func(int) float64 { return 50 }),
		ShapeDaily:   steps(8, func(m int) float64 { return float64(50 + 500*(m/720%2)) }),
		ShapeWeekly:  steps(28, weekdays),
		ShapeSpiky:   steps(8, func(m int) float64 { return float64(50 + 500*(m/7200)) }),
	} {
		if got := s.shape(); got != want {
			t.Errorf("shape %s, want %s", got, want)
		}
	}
}

// A size that has used up half of its margin is worth raising.
func TestLowerIsHalfOfTheMargin(t *testing.T) {
	s := steps(3, func(int) float64 { return 200 })
	for _, a := range []Algorithm{DefaultPeak(), DefaultSeasonal()} {
		if got := s.Recommend(after(3*1440), a, Bounds{}); got.Lower.CPU.String() != "215m" || got.Target.CPU.String() != "230m" {
			t.Errorf("%s: lower %s, target %s, want 215m and 230m of a peak of 200m", a.Name(), got.Lower.CPU, got.Target.CPU)
		}
	}
}

func TestKindsDifferInCare(t *testing.T) {
	s, rare := New(Auto{Kind: KindOther}), New(Auto{Kind: KindOther})
	for m := 0; m < 28*1440; m += 5 {
		s.Add(after(m), reading("a", m, weekdays(m), weekdays(m)*mib))
		v := 100.0
		if m/60%20 == 19 { // one hour of twenty, at another time every day: 7 % of the CPU time
			v = 150
		}
		rare.Add(after(m), reading("a", m, v, 100*mib))
	}
	for kind, season := range map[Kind]bool{KindAPIServer: false, KindEtcd: false, KindOther: false, KindControllerManager: true, KindScheduler: true} {
		got := s.Recommend(after(28*1440), Auto{Kind: kind}, Bounds{}).Target.Memory.Or(0)
		if (got < 100*mib) != season {
			t.Errorf("%s: memory is %s on a calm night, after days of 500Mi", kind, got)
		}
	}
	for kind, want := range map[Kind]string{KindAPIServer: "176m", KindEtcd: "176m", KindOther: "176m", KindControllerManager: "119m", KindScheduler: "119m"} {
		if got := rare.Recommend(after(28*1440), Auto{Kind: kind}, Bounds{}).Target.CPU.String(); got != want {
			t.Errorf("%s: CPU is %s, want %s", kind, got, want)
		}
	}
}
