package use

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/metapilot/metapilot/size"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// hours is a window of eight hours, so that a gap may last one.
var hours = Settings{
	High: size.Of(Share{Percent: 90}), For: time.Minute,
	Low: size.Of(Share{Percent: 60}), Window: 8 * time.Hour,
}

// seen lets a track of a limit of 1000 see amounts, one every so often; -1 is a measurement that is missing.
func seen(t Track, from time.Time, every time.Duration, amounts ...int64) Track {
	limits := hours.Thresholds(size.Opt[int64]{}, size.Of(int64(1000)))
	for i, a := range amounts {
		if a >= 0 {
			t = t.See(a, from.Add(time.Duration(i)*every), limits, hours.MaxGap())
		}
	}
	return t
}

func repeated(n int, amount int64) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = amount
	}
	return out
}

func TestUseIsJudgedByTheWholeWindow(t *testing.T) {
	const half = 30 * time.Minute
	tests := map[string]struct {
		every   time.Duration
		amounts []int64
		later   time.Duration
		want    Level
		peak    int64
	}{
		"nothing was measured":                                {every: half, want: LevelUnknown},
		"low for the whole window":                            {every: half, amounts: repeated(17, 500), want: LevelLow, peak: 500},
		"low for all but the first half hour":                 {every: half, amounts: repeated(16, 500), want: LevelObserving, peak: 500},
		"exactly at the share is not low":                     {every: half, amounts: repeated(17, 600), want: LevelBetween},
		"one spike starts the window anew":                    {every: half, amounts: append(append(repeated(10, 100), 601), repeated(16, 500)...), want: LevelObserving, peak: 500},
		"after the spike a whole window is low again":         {every: half, amounts: append([]int64{601}, repeated(17, 500)...), want: LevelLow, peak: 500},
		"a gap of an eighth of the window is bridged":         {every: half, amounts: append(append(repeated(8, 500), -1), repeated(8, 400)...), want: LevelLow, peak: 500},
		"a longer gap starts the window anew":                 {every: half, amounts: append(append(repeated(8, 500), -1, -1), repeated(8, 400)...), want: LevelObserving, peak: 400},
		"low once, but long ago":                              {every: half, amounts: repeated(17, 500), later: 10 * time.Minute, want: LevelUnknown, peak: 500},
		"high once is not high":                               {every: time.Minute, amounts: []int64{950}, want: LevelBetween},
		"high for as long as was asked":                       {every: time.Minute, amounts: []int64{950, 901}, want: LevelHigh},
		"a measurement below breaks what was high":            {every: time.Minute, amounts: []int64{950, 900, 950}, want: LevelBetween},
		"zero is a measurement, and low":                      {every: half, amounts: repeated(17, 0), want: LevelLow},
		"measured far in the future says nothing of today":    {every: half, amounts: repeated(17, 500), later: -10 * time.Minute, want: LevelUnknown, peak: 500},
		"high is forgotten over a gap that is longer than it": {every: 2 * time.Hour, amounts: []int64{950, 950}, want: LevelBetween},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			track := seen(Track{}, noon, tc.every, tc.amounts...)
			now := track.SeenAt.Add(tc.later)
			if got := hours.Judge(track, now, 5*time.Minute); got != tc.want {
				t.Errorf("Judge = %s, want %s: %+v", got, tc.want, track)
			}
			if got := track.Peak.Or(0); got != tc.peak {
				t.Errorf("peak = %d, want %d", got, tc.peak)
			}
		})
	}
}

func TestAMeasurementSeenTwiceOrLateChangesNothing(t *testing.T) {
	track := seen(Track{}, noon, time.Minute, 100, 200, 300)
	if again := seen(track, noon, time.Minute, 999, 999, 999); again != track {
		t.Errorf("%+v became %+v", track, again)
	}
}

func TestAShareIsOfWhatThereIs(t *testing.T) {
	none := size.Opt[int64]{}
	tests := map[string]struct {
		share          Share
		request, limit size.Opt[int64]
		want           size.Opt[int64]
	}{
		"of the limit":                  {Share{Percent: 90}, size.Of(int64(100)), size.Of(int64(1000)), size.Of(int64(900))},
		"of the request":                {Share{Percent: 90, OfRequest: true}, size.Of(int64(100)), size.Of(int64(1000)), size.Of(int64(90))},
		"of the request without limit":  {Share{Percent: 90}, size.Of(int64(100)), none, size.Of(int64(90))},
		"of the limit without request":  {Share{Percent: 90, OfRequest: true}, none, size.Of(int64(1000)), size.Of(int64(900))},
		"of nothing":                    {Share{Percent: 90}, none, none, none},
		"of a limit of zero, no amount": {Share{Percent: 90}, none, size.Of(int64(0)), none},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tc.share.Amount(tc.request, tc.limit); got != tc.want {
				t.Errorf("Amount = %v, want %v", got, tc.want)
			}
		})
	}
}

// TestLowIsNeverSaidWithoutAWindowOfIt holds every sequence of measurements against a plain account of what was seen.
func TestLowIsNeverSaidWithoutAWindowOfIt(t *testing.T) {
	said := 0
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		var track Track
		type measurement struct {
			at     time.Time
			amount int64
		}
		var all []measurement
		at := noon
		for range 60 {
			at = at.Add(time.Duration(r.IntN(50)+1) * time.Minute)
			if r.IntN(60) == 0 {
				at = at.Add(2 * time.Hour)
			}
			amount := r.Int64N(599)
			if r.IntN(50) == 0 {
				amount += 600
			}
			all = append(all, measurement{at, amount})
			track = seen(track, at, 0, amount)
			if hours.Judge(track, at, time.Minute) != LevelLow {
				continue
			}
			said++
			last := at
			for i := len(all) - 1; i >= 0 && at.Sub(last) < hours.Window; i-- {
				if all[i].amount >= 600 || last.Sub(all[i].at) > hours.MaxGap() {
					t.Fatalf("seed %d: low is said at %s, but at %s there was %d, or a gap", seed, at, all[i].at, all[i].amount)
				}
				last = all[i].at
			}
		}
	}
	if said < 1000 {
		t.Errorf("low was said only %d times: the sequences do not reach it", said)
	}
}
