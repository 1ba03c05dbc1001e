package profiles

import (
	"fmt"
	"math"
	"math/rand"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/size"
)

const mib = 1 << 20

var (
	begin = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	// exact compares recommendations, whose amounts have no exported fields.
	exact = []cmp.Option{
		cmp.Comparer(func(a, b size.Amounts) bool { return a == b }),
		cmp.Comparer(func(a, b size.Opt[time.Time]) bool { return a == b }),
		cmp.Comparer(func(a, b size.Opt[size.Bytes]) bool { return a == b }),
		cmp.Comparer(func(a, b size.Opt[Hot]) bool { return a == b }),
	}
)

func algorithms() []Algorithm {
	return []Algorithm{DefaultPercentile(), DefaultPeak(), DefaultMovingWindow(), DefaultSeasonal(), Auto{Kind: KindScheduler}}
}

func after(minutes int) time.Time { return begin.Add(time.Duration(minutes) * time.Minute) }

func reading(replica string, minute int, cpu, memory float64) Sample {
	return Sample{At: after(minute), Replica: replica, CPU: size.Of(cpu), Memory: size.Of(memory)}
}

// randomSamples are minutes of a few replicas with restarts, gaps and repeats.
func randomSamples(random *rand.Rand, n int) []Sample {
	var out []Sample
	minute, base, started := 0, math.Exp2(random.Float64()*10), begin
	for range n {
		minute += 1 + random.Intn(3)
		if random.Intn(200) == 0 {
			minute += random.Intn(3000)
			started = after(minute)
		}
		for r := range 1 + random.Intn(3) {
			x := reading(fmt.Sprintf("replica-%d", r), minute, base*(1+random.Float64()), 10*mib*base*(1+random.Float64()))
			x.Started = size.Of(started)
			out = append(out, x)
		}
	}
	return out
}

func filled(a Algorithm, samples []Sample) *State {
	s := New(a)
	for _, x := range samples {
		s.Add(x.At, x)
	}
	return s
}

func TestEveryValueGetsItsVerdict(t *testing.T) {
	now := after(60)
	some := func(v float64) size.Opt[float64] { return size.Of(v) }
	for name, tc := range map[string]struct {
		sample Sample
		want   Verdicts
	}{
		"both good":                         {Sample{At: now, CPU: some(1), Memory: some(mib)}, Verdicts{Taken, Taken}},
		"no CPU":                            {Sample{At: now, Memory: some(mib)}, Verdicts{Absent, Taken}},
		"idle CPU is a usage":               {Sample{At: now, CPU: some(0)}, Verdicts{Taken, Absent}},
		"memory of nothing is none":         {Sample{At: now, Memory: some(0)}, Verdicts{Absent, Zero}},
		"NaN":                               {Sample{At: now, CPU: some(math.NaN()), Memory: some(mib)}, Verdicts{NotFinite, Taken}},
		"infinite":                          {Sample{At: now, CPU: some(math.Inf(1)), Memory: some(math.Inf(-1))}, Verdicts{NotFinite, NotFinite}},
		"negative":                          {Sample{At: now, CPU: some(-1), Memory: some(-1)}, Verdicts{Negative, Negative}},
		"more than any machine has":         {Sample{At: now, CPU: some(1e9), Memory: some(1e18)}, Verdicts{Implausible, Implausible}},
		"a clock a little ahead":            {Sample{At: now.Add(time.Minute), CPU: some(1)}, Verdicts{Taken, Absent}},
		"a clock far ahead":                 {Sample{At: now.Add(time.Hour), CPU: some(1), Memory: some(mib)}, Verdicts{Future, Future}},
		"a source that has no time":         {Sample{At: time.Unix(0, 0), CPU: some(1)}, Verdicts{TooOld, Absent}},
		"no time at all":                    {Sample{CPU: some(1)}, Verdicts{TooOld, Absent}},
		"before what is kept":               {Sample{At: now.Add(-29 * 24 * time.Hour), CPU: some(1)}, Verdicts{TooOld, Absent}},
		"late":                              {Sample{At: now.Add(-10 * time.Minute), CPU: some(1)}, Verdicts{Late, Absent}},
		"from another replica, same minute": {Sample{At: after(59), Replica: "b", CPU: some(1)}, Verdicts{Taken, Absent}},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(DefaultPeak())
			s.Add(now, reading("a", 59, 1, mib))
			before := s.Counts()
			if got := s.Add(now, tc.sample); got != tc.want {
				t.Errorf("Add() = %s and %s, want %s and %s", got.CPU, got.Memory, tc.want.CPU, tc.want.Memory)
			}
			var want Counts
			for _, v := range []Verdict{tc.want.CPU, tc.want.Memory} {
				switch {
				case v == Taken:
					want.Taken++
				case v == Late:
					want.Late++
				case v != Absent:
					want.Rejected++
				}
			}
			got := s.Counts()
			if got.Taken-before.Taken != want.Taken || got.Late-before.Late != want.Late || got.Rejected-before.Rejected != want.Rejected {
				t.Errorf("counted %+v after %+v, want %+v more", got, before, want)
			}
		})
	}
}

func TestVerdictsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for v := range verdicts {
		if name := v.String(); name == "" || seen[name] {
			t.Errorf("verdict %d is called %q", v, name)
		}
		seen[v.String()] = true
	}
	if got := verdicts.String(); got != "unknown" {
		t.Errorf("one too many is %q", got)
	}
}

// Garbage among the samples leaves the sizes as they are.
func TestGarbageChangesNoSize(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	garbage := []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, -1e300, 1e300, math.MaxFloat64}
	for _, a := range algorithms() {
		samples := randomSamples(random, 3000)
		clean := filled(a, samples)
		dirty := New(a)
		for _, x := range samples {
			bad := x
			bad.CPU, bad.Memory = size.Of(garbage[random.Intn(len(garbage))]), size.Of(garbage[random.Intn(len(garbage))])
			dirty.Add(x.At, bad)
			dirty.Add(x.At, x)
			future := x
			future.At = x.At.Add(1000 * time.Hour)
			dirty.Add(x.At, future)
		}
		want, got := clean.Recommend(after(9000), a, Bounds{}), dirty.Recommend(after(9000), a, Bounds{})
		if got.Counts.Rejected != uint64(4*len(samples)) {
			t.Errorf("%s: %d values are counted as rejected, want %d", a.Name(), got.Counts.Rejected, 4*len(samples))
		}
		got.Counts = want.Counts
		if diff := cmp.Diff(want, got, exact...); diff != "" {
			t.Errorf("%s (-without +with garbage):\n%s", a.Name(), diff)
		}
	}
}

// What comes twice, or late, raises peaks to what they were and nothing else.
func TestRepeatsAndDisorderChangeNoSize(t *testing.T) {
	random := rand.New(rand.NewSource(2))
	for _, a := range algorithms() {
		samples := randomSamples(random, 3000)
		want := filled(a, samples).Recommend(after(9000), a, Bounds{})
		s := New(a)
		for i, x := range samples {
			s.Add(x.At, x)
			s.Add(x.At, x)
			for range 3 { // a source that hands out again what it had
				old := samples[random.Intn(i+1)]
				s.Add(x.At, old)
			}
		}
		got := s.Recommend(after(9000), a, Bounds{})
		got.Counts, got.Hot = want.Counts, want.Hot
		if diff := cmp.Diff(want, got, exact...); diff != "" {
			t.Errorf("%s (-once +again and again):\n%s", a.Name(), diff)
		}
	}
}

func TestALatePeakIsNotLost(t *testing.T) {
	s := New(DefaultPeak())
	for m := range 300 {
		s.Add(after(m), reading("a", m, 100, 100*mib))
	}
	s.Add(after(300), reading("b", 100, 900, 900*mib))
	got := s.Recommend(after(300), DefaultPeak(), Bounds{})
	if want := "cpu 900m, memory 900Mi"; got.Peak.String() != want {
		t.Errorf("the peak is %s, want %s", got.Peak, want)
	}
}

// An outage of metrics is no time of low usage: sizes are the same after it, and windows end at the newest sample.
func TestWhatIsMissingIsNotZero(t *testing.T) {
	random := rand.New(rand.NewSource(3))
	for _, a := range algorithms() {
		s := filled(a, randomSamples(random, 3000))
		last, _ := s.Last().Get()
		before := s.Recommend(last, a, Bounds{})
		weeks := s.Recommend(last.Add(60*24*time.Hour), a, Bounds{})
		if diff := cmp.Diff(before.Target, weeks.Target, exact...); diff != "" {
			t.Errorf("%s: two months without samples (-before +after):\n%s", a.Name(), diff)
		}
		if got := New(a).Recommend(last, a, Bounds{}); got.Target != (size.Amounts{}) || got.Reasons[0].Code != CodeNoData {
			t.Errorf("%s: without samples %s, %v", a.Name(), got.Target, got.Reasons)
		}
	}
}

func TestMemoryAloneIsEnoughForMemory(t *testing.T) {
	for _, a := range algorithms() {
		s := New(a)
		for m := range 48 * 60 {
			s.Add(after(m), Sample{At: after(m), Replica: "a", Memory: size.Of(100.0 * mib)})
		}
		got := s.Recommend(after(48*60), a, Bounds{})
		if got.Target.CPU.Present() {
			t.Errorf("%s: CPU is %s, want none", a.Name(), got.Target.CPU)
		}
		upper, _ := got.Upper.Memory.Get()
		if got.ConfidencePercent != 28 || upper > 250*size.MiB { // VPA: an upper bound of 100 TB
			t.Errorf("%s: confidence %d %%, upper %s", a.Name(), got.ConfidencePercent, upper)
		}
	}
}

func TestTheHotReplicaIsWhatCounts(t *testing.T) {
	for _, a := range algorithms() {
		alone, together := New(a), New(a)
		for m := range 10 * 1440 {
			hot := reading("hot", m, 400, 800*mib)
			alone.Add(after(m), hot)
			for i := range 9 {
				together.Add(after(m), reading(fmt.Sprintf("cool-%d", i), m, 20, 100*mib))
				if i == m%9 {
					together.Add(after(m), hot)
				}
			}
		}
		want, got := alone.Recommend(after(14400), a, Bounds{}), together.Recommend(after(14400), a, Bounds{})
		if got.Target != want.Target {
			t.Errorf("%s: %s among nine others, want %s as alone", a.Name(), got.Target, want.Target)
		}
		if want, got := (Hot{Replica: "hot", Resource: "cpu", Percent: 1900}), got.Hot.Or(Hot{}); got != want {
			t.Errorf("%s: hot is %+v, want %+v", a.Name(), got, want)
		}
		if want.Hot.Present() {
			t.Errorf("%s: a replica alone is called hot", a.Name())
		}
	}
}

// Steps of five minutes weigh as much as those of a minute, and the first sample after an outage no more than ten.
func TestASampleStandsForTheTimeBeforeIt(t *testing.T) {
	a := DefaultPercentile()
	a.HalfLife = Decay{CPUHalfLife: MaxHalfLife, MemoryHalfLife: MaxHalfLife}
	for name, second := range map[string]int{"at once": 1440, "after an outage": 4000} {
		s := New(a)
		for m := 0; m < 1440; m += 5 {
			s.Add(after(m), reading("a", m, 100, 100*mib))
		}
		for m := second; m < second+1440; m++ {
			s.Add(after(m), reading("a", m, 200, 200*mib))
		}
		for share, want := range map[float64]float64{0.45: 100, 0.53: 200} {
			for r, unit := range map[resource]float64{cpu: 1, memory: mib} {
				if got, _ := s.use[r].share(r, share, once); got < want*unit || got > want*unit*growth {
					t.Errorf("%s: P%.0f of %s is %g, want %g", name, 100*share, r, got/unit, want)
				}
			}
		}
	}
}

func TestReplicasThatAreGoneAreNoMeasure(t *testing.T) {
	s := New(DefaultPeak())
	for m := range 60 {
		s.Add(after(m), reading("old", m, 900, 900*mib))
	}
	for m := range 200 {
		s.Add(after(60+m), reading("new", 60+m, 100, 100*mib))
	}
	if got := s.Recommend(after(260), DefaultPeak(), Bounds{}).Hot; got.Present() {
		t.Errorf("hot is %s, want none: the old one is gone", got)
	}
	s.Add(after(261), Sample{At: after(261), Replica: string(make([]byte, 300)), CPU: size.Of(1.0)})
	if len(s.replicas) > replicasKept {
		t.Errorf("%d replicas are kept", len(s.replicas))
	}
}

func TestAStartCounts(t *testing.T) {
	for _, a := range algorithms() {
		s := New(a)
		for m := range 27 * 1440 { // the start is out of every window but the starts'
			x := reading("a", m, 100, 200*mib)
			x.Started = size.Of(begin)
			if m < 3 {
				x.CPU, x.Memory = size.Of(800.0), size.Of(600.0*mib)
			}
			s.Add(x.At, x)
		}
		got := s.Recommend(after(27*1440), a, Bounds{})
		if want := "cpu 800m, memory 600Mi"; got.StartUpPeak.String() != want {
			t.Errorf("%s: the peak of starts is %s, want %s", a.Name(), got.StartUpPeak, want)
		}
		if got := got.Target.Memory.Or(0); got != 690*size.MiB {
			t.Errorf("%s: the target is %s, want what a start takes: 690Mi", a.Name(), got)
		}
		if !says(got, CodeStartUp) {
			t.Errorf("%s: %v do not say it", a.Name(), got.Reasons)
		}
	}
}

func TestTheLatestStartsAreRemembered(t *testing.T) {
	var s starts
	use := func(v float64) [resources]size.Opt[float64] {
		return [resources]size.Opt[float64]{size.Of(v), size.Of(v)}
	}
	at := begin.Unix()
	for i := range int64(2 * startsKept) {
		s.add(at+i*1000, at+i*1000+10, use(float64(100-i)))
	}
	latest := at + (2*startsKept-1)*1000
	s.add(latest, latest+startUp+1, use(5000)) // no longer a start-up
	s.add(latest, latest-1, use(5000))         // before it began
	s.add(at, at+10, use(5000))                // older than all that are kept
	if got, ok := s.peak(memory); !ok || got != 100-startsKept {
		t.Errorf("the peak is %g, want that of the oldest kept, %d", got, 100-startsKept)
	}
}

func TestAKillIsRememberedForTwoWeeks(t *testing.T) {
	for _, a := range algorithms() {
		s := New(a)
		minute := 0
		feed := func(days int) Recommendation {
			for range days * 1440 / 5 {
				minute += 5
				s.Add(after(minute), reading("a", minute, 100, 200*mib))
			}
			return s.Recommend(after(minute), a, Bounds{})
		}
		calm := feed(3)
		for range 2 {
			if !s.OOM(after(minute), after(minute), 512*size.MiB) {
				t.Fatalf("%s: the kill was refused", a.Name())
			}
		}
		killed := s.Recommend(after(minute), a, Bounds{})
		if want := 615 * size.MiB; killed.Target.Memory.Or(0) != want || killed.OOM.Or(0) != 512*size.MiB || !says(killed, CodeOOM) {
			t.Errorf("%s: after the kill %s, kill %s, %v", a.Name(), killed.Target, killed.OOM, killed.Reasons)
		}
		if killed.Counts.Kills != 1 {
			t.Errorf("%s: one kill taken twice counts %d", a.Name(), killed.Counts.Kills)
		}
		if got := feed(13); got.Target.Memory != killed.Target.Memory {
			t.Errorf("%s: 13 days after the kill %s, want %s", a.Name(), got.Target, killed.Target)
		}
		if got := feed(2); got.Target.Memory != calm.Target.Memory || got.OOM.Present() {
			t.Errorf("%s: 15 days after the kill %s, want %s as before it", a.Name(), got.Target, calm.Target)
		}
	}
}

func TestAKillWithoutASampleIsEnoughForMemory(t *testing.T) {
	for _, a := range algorithms() {
		s := New(a)
		s.OOM(begin, begin, 100*size.MiB)
		got := s.Recommend(begin, a, Bounds{})
		if got.Target.String() != "cpu none, memory 132Mi" {
			t.Errorf("%s: %s, want memory of 132Mi alone", a.Name(), got.Target)
		}
	}
}

func TestKillsThatAreNoneAreRefused(t *testing.T) {
	s := New(DefaultPeak())
	for name, tc := range map[string]struct {
		at   time.Time
		held size.Bytes
	}{
		"of nothing":     {begin, 0},
		"of less":        {begin, -1},
		"of too much":    {begin, math.MaxInt64},
		"to come":        {begin.Add(time.Hour), size.GiB},
		"without a time": {time.Time{}, size.GiB},
	} {
		if s.OOM(begin, tc.at, tc.held) || s.Counts().Kills != 0 {
			t.Errorf("a kill %s was taken", name)
		}
	}
}

func TestTheWorstKillsAreKept(t *testing.T) {
	var k kills
	at := begin.Unix()
	for i, held := range []int64{100, 900, 200, 300, 400, 500, 150} {
		k.add(at+int64(i), held)
	}
	if got, _ := k.worst(at + 10); got.held != 900 {
		t.Errorf("the worst is %d, want 900", got.held)
	}
	k.add(at+killRemembered+2, 50)
	if got, _ := k.worst(at + killRemembered + 2); got.held != 500 {
		t.Errorf("when that is forgotten it is %d, want 500", got.held)
	}
}

func says(r Recommendation, code Code) bool {
	for _, reason := range r.Reasons {
		if reason.Code == code {
			return true
		}
	}
	return false
}

func TestLowerTargetAndUpperAreInOrderWithinBounds(t *testing.T) {
	random := rand.New(rand.NewSource(4))
	for range 40 {
		samples := randomSamples(random, 1+random.Intn(2000))
		for _, a := range algorithms() {
			s := filled(a, samples)
			if random.Intn(2) == 0 {
				last, _ := s.Last().Get()
				s.OOM(last, last, size.Bytes(random.Int63n(1<<34)))
			}
			least, most := random.Int63n(1<<30), random.Int63n(1<<34)
			b := Bounds{
				Min: size.Amounts{CPU: size.Of(size.MilliCPU(least >> 20)), Memory: size.Of(size.Bytes(least))},
				Max: size.Amounts{CPU: size.Of(size.MilliCPU(most >> 20)), Memory: size.Of(size.Bytes(most))},
			}
			free, got := s.Recommend(after(20000), a, Bounds{}), s.Recommend(after(20000), a, b)
			for r := range resources {
				lower, target, upper := r.of(got.Lower).Or(-1), r.of(got.Target).Or(-1), r.of(got.Upper).Or(-1)
				if lower > target || target > upper || lower < 0 {
					t.Fatalf("%s: %s: lower %d, target %d, upper %d", a.Name(), r, lower, target, upper)
				}
				if r.of(b.Max).Or(0) < upper || lower < min(r.of(b.Min).Or(0), r.of(b.Max).Or(0)) {
					t.Fatalf("%s: %s: from %d to %d is out of the bounds %+v", a.Name(), r, lower, upper, b)
				}
				if r.of(got.Uncapped) != r.of(free.Target) {
					t.Fatalf("%s: %s: uncapped %s, want %s", a.Name(), r, r.of(got.Uncapped), r.of(free.Target))
				}
				if moved := r.of(got.Target) != r.of(free.Target); moved && !says(got, CodeMinimum) && !says(got, CodeMaximum) {
					t.Fatalf("%s: %s: the bounds hold it and nobody says so: %v", a.Name(), r, got.Reasons)
				}
			}
		}
	}
}

// Usage that is higher everywhere never gives a smaller size.
func TestMoreUsageIsNeverASmallerSize(t *testing.T) {
	random := rand.New(rand.NewSource(5))
	for range 30 {
		samples := randomSamples(random, 2000)
		for _, a := range []Algorithm{DefaultPercentile(), DefaultPeak(), DefaultMovingWindow()} {
			less := filled(a, samples)
			more := New(a)
			for _, x := range samples {
				x.CPU, x.Memory = size.Of(x.CPU.Or(0)*1.3), size.Of(x.Memory.Or(0)*1.3)
				more.Add(x.At, x)
			}
			l, m := less.Recommend(after(9000), a, Bounds{}).Target, more.Recommend(after(9000), a, Bounds{}).Target
			if m.CPU.Or(0) < l.CPU.Or(0) || m.Memory.Or(0) < l.Memory.Or(0) {
				t.Fatalf("%s: %s with 30 %% more usage, %s without", a.Name(), m, l)
			}
		}
	}
}

// A change of algorithm loses nothing: peaks are there at once, and so are percentiles of the samples so far.
func TestAnotherAlgorithmHasAllThatIsKnown(t *testing.T) {
	samples := randomSamples(rand.New(rand.NewSource(6)), 3000)
	s := filled(DefaultMovingWindow(), samples)
	s.Follow(DefaultPeak())
	want := filled(DefaultPeak(), samples).Recommend(after(9000), DefaultPeak(), Bounds{})
	if diff := cmp.Diff(want, s.Recommend(after(9000), DefaultPeak(), Bounds{}), exact...); diff != "" {
		t.Errorf("Peak from the start and after a change (-want +got):\n%s", diff)
	}
	before := filled(DefaultMovingWindow(), samples)
	was := before.Recommend(after(9000), DefaultPercentile(), Bounds{}).Target
	before.Follow(DefaultPercentile())
	if got := before.Recommend(after(9000), DefaultPercentile(), Bounds{}).Target; got != was {
		t.Errorf("a new half-life changes what is known at once: %s, want %s", got, was)
	}
}

// What was worked out before holds until it does not: a state that is asked all the time says what one says that has just been
// restored, and has worked out nothing.
func TestWhatWasWorkedOutIsNeverOld(t *testing.T) {
	random := rand.New(rand.NewSource(11))
	s := New(DefaultSeasonal())
	steep := DefaultSeasonal()
	steep.MarginPercent = 0
	algorithms := []Algorithm{DefaultSeasonal(), steep, DefaultPeak(), Auto{Kind: KindScheduler}}
	shapes := map[Shape]bool{}
	for m := 0; m < 60*1440; m += 20 {
		wave := 300 + 200*math.Sin(2*math.Pi*float64(m)/1440)
		if m > 25*1440 { // the season ends
			wave = 500 * random.Float64()
		}
		x := reading("a", m, wave, (20+wave)*1e6)
		if m%60 > 0 { // late, now and then the highest of all, and of one resource
			x = reading("a", max(0, m-random.Intn(5*1440)), wave*(1+random.Float64()*random.Float64()), (20+wave)*1e6)
			if random.Intn(2) == 0 {
				x.CPU = size.Opt[float64]{}
			} else {
				x.Memory = size.Opt[float64]{}
			}
		}
		s.Add(after(m), x)
		a := algorithms[m/20%len(algorithms)]
		fresh := New(DefaultSeasonal())
		if err := fresh.Restore(s.AppendCheckpoint(nil)); err != nil {
			t.Fatal(err)
		}
		got, want := s.Recommend(after(m), a, Bounds{}), fresh.Recommend(after(m), a, Bounds{})
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(size.Opt[size.MilliCPU]{}, size.Opt[size.Bytes]{}, size.Opt[time.Time]{}, size.Opt[Hot]{})); diff != "" {
			t.Fatalf("minute %d, %s, anew and worked out before:\n%s", m, a.Name(), diff)
		}
		shapes[got.Shape] = true
	}
	if len(shapes) < 3 {
		t.Errorf("only the shapes %v were seen", shapes)
	}
}

// A container takes at most 3 KB, whatever it is fed.
func TestMemoryIsBounded(t *testing.T) {
	random := rand.New(rand.NewSource(7))
	s := New(DefaultPeak())
	for m := range 20000 {
		x := reading(fmt.Sprintf("kube-apiserver-6c9f7d5b8-%05d", random.Intn(50)), m, math.Exp2(23*random.Float64()), math.Exp2(20+29*random.Float64()))
		x.Started = size.Of(after(m - random.Intn(5)))
		s.Add(x.At, x)
	}
	s.Recommend(after(20000), DefaultSeasonal(), Bounds{})
	bytes := class(int(unsafe.Sizeof(*s))) + class(int(unsafe.Sizeof(*s.worked))) + class(cap(s.replicas)*int(unsafe.Sizeof(replica{})))
	for _, r := range s.replicas {
		bytes += class(len(r.name))
	}
	for r := range s.use {
		bytes += class(cap(s.use[r].levels.weights) * 4)
	}
	if bytes > 3000 {
		t.Errorf("%d bytes", bytes)
	}
}

// class gives what the Go runtime takes for an object, from sizes that are used here.
func class(size int) int {
	for _, c := range []int{0, 8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 192, 256, 320, 384, 448, 512, 1792, 2048} {
		if size <= c {
			return c
		}
	}
	return 1 << 20
}
