package estimators

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/size"
)

var (
	noon     = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	defaults = OOM{BumpPercent: 50, MaxBumpPercent: 400, MinBump: 32 * size.MiB, FloorHalfLife: 7 * 24 * time.Hour}
	same     = cmp.Comparer(func(a, b size.Amounts) bool { return a == b })
)

func memory(b size.Bytes) size.Amounts { return size.Amounts{Memory: size.Of(b)} }

func TestOOMAnswersAKillWithOneBigStep(t *testing.T) {
	for name, tc := range map[string]struct {
		settings    OOM
		in          OOMInput
		wantTarget  size.Amounts
		wantLower   size.Amounts
		wantMessage string
	}{
		"the first kill raises the limit by half": {
			defaults, OOMInput{Killed: true, Limit: size.Of(512 * size.MiB), Request: size.Of(256 * size.MiB)},
			memory(768 * size.MiB), memory(768 * size.MiB), "max(limit 512Mi, request 256Mi, peak none) + 50% (at least 32Mi) = 768Mi",
		},
		"a repeat doubles the bump": {
			defaults, OOMInput{Killed: true, Limit: size.Of(512 * size.MiB), Level: 1},
			memory(size.GiB), memory(size.GiB), "max(limit 512Mi, request none, peak none) + 100% (at least 32Mi) = 1Gi",
		},
		"the bump is capped": {
			defaults, OOMInput{Killed: true, Limit: size.Of(512 * size.MiB), Level: 1 << 40},
			memory(2560 * size.MiB), memory(2560 * size.MiB), "max(limit 512Mi, request none, peak none) + 400% (at least 32Mi) = 2560Mi",
		},
		"a cap that is no doubling is met exactly": {
			OOM{BumpPercent: 50, MaxBumpPercent: 150}, OOMInput{Killed: true, Limit: size.Of(100 * size.MiB), Level: 2},
			memory(250 * size.MiB), memory(250 * size.MiB), "max(limit 100Mi, request none, peak none) + 150% (at least 0) = 250Mi",
		},
		"a negative level is the first": {
			defaults, OOMInput{Killed: true, Limit: size.Of(512 * size.MiB), Level: -3},
			memory(768 * size.MiB), memory(768 * size.MiB), "max(limit 512Mi, request none, peak none) + 50% (at least 32Mi) = 768Mi",
		},
		"a bump of nothing does not become one by doubling": {
			OOM{MaxBumpPercent: 400}, OOMInput{Killed: true, Limit: size.Of(100 * size.MiB), Level: math.MaxInt},
			memory(100 * size.MiB), memory(100 * size.MiB), "max(limit 100Mi, request none, peak none) + 0% (at least 0) = 100Mi",
		},
		"a small container gets the least bump": {
			defaults, OOMInput{Killed: true, Limit: size.Of(20 * size.MiB)},
			memory(52 * size.MiB), memory(52 * size.MiB), "max(limit 20Mi, request none, peak none) + 50% (at least 32Mi) = 52Mi",
		},
		"the answer is rounded up to whole MiB": {
			defaults, OOMInput{Killed: true, Limit: size.Of(100*size.MiB + 1)},
			memory(151 * size.MiB), memory(151 * size.MiB), "max(limit 104857601, request none, peak none) + 50% (at least 32Mi) = 151Mi",
		},
		"a peak above the limit is what grows": {
			defaults, OOMInput{Killed: true, Limit: size.Of(512 * size.MiB), Peak: size.Of(600 * size.MiB)},
			memory(900 * size.MiB), memory(900 * size.MiB), "max(limit 512Mi, request none, peak 600Mi) + 50% (at least 32Mi) = 900Mi",
		},
		"without usage, limit and request suffice": {
			defaults, OOMInput{Killed: true, Request: size.Of(200 * size.MiB)},
			memory(300 * size.MiB), memory(300 * size.MiB), "max(limit none, request 200Mi, peak none) + 50% (at least 32Mi) = 300Mi",
		},
		"nothing known stays absent": {
			defaults, OOMInput{Killed: true}, size.Amounts{}, size.Amounts{}, "killed, but neither limit, request nor usage is known: nothing to grow from",
		},
		"no kill asks for nothing": {
			defaults, OOMInput{Limit: size.Of(512 * size.MiB)}, size.Amounts{}, size.Amounts{}, "no OOM kill to answer",
		},
		"without a kill the floor speaks": {
			defaults, OOMInput{Now: noon.Add(7 * 24 * time.Hour), Floor: size.Of(Floor{Memory: 768 * size.MiB, KilledAt: 512 * size.MiB, Since: noon})},
			size.Amounts{}, memory(640 * size.MiB), "no OOM kill to answer; not below 640Mi, the floor left by the kill at 512Mi",
		},
		"a floor above the answer is kept": {
			defaults, OOMInput{Now: noon, Killed: true, Limit: size.Of(100 * size.MiB), Floor: size.Of(Floor{Memory: size.GiB, KilledAt: 512 * size.MiB, Since: noon})},
			memory(150 * size.MiB), memory(size.GiB), "max(limit 100Mi, request none, peak none) + 50% (at least 32Mi) = 150Mi",
		},
		"a huge base saturates": {
			defaults, OOMInput{Killed: true, Limit: size.Of(size.Bytes(math.MaxInt64 - 5)), Level: 9},
			memory(math.MaxInt64), memory(math.MaxInt64), "max(limit 9223372036854775802, request none, peak none) + 400% (at least 32Mi) = 9223372036854775807",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := tc.settings.Estimate(tc.in)
			want := Estimate{Estimator: "OOM", Target: tc.wantTarget, Lower: tc.wantLower, Message: tc.wantMessage}
			if diff := cmp.Diff(want, got, same); diff != "" {
				t.Errorf("Estimate() (-want +got):\n%s", diff)
			}
		})
	}
}

// Gardener's HVPA took ten steps from 0.84 to 11.2 GB, each an outage (docs of its 220-node test).
func TestAJumpOfThirteenTimesTakesAtMostFourSteps(t *testing.T) {
	have, need := 840*size.MiB, 11200*size.MiB
	steps := 0
	for have < need {
		have, _ = defaults.Estimate(OOMInput{Killed: true, Limit: size.Of(have), Level: steps}).Target.Memory.Get()
		steps++
	}
	if steps > 4 {
		t.Errorf("%d steps, want at most 4", steps)
	}
}

func TestFloorDecaysFromWhatWasGivenToWhereItWasKilled(t *testing.T) {
	f := Floor{Memory: 1000*size.MiB + 512*size.KiB, KilledAt: 500 * size.MiB, Since: noon}
	for name, tc := range map[string]struct {
		floor    Floor
		age      time.Duration
		halfLife time.Duration
		want     size.Bytes
	}{
		"at once it is what was given":               {f, 0, time.Hour, f.Memory},
		"rounding does not lift it":                  {f, time.Nanosecond, time.Hour, f.Memory},
		"half the way after a half-life":             {f, time.Hour, time.Hour, 751 * size.MiB},
		"a quarter is left after two":                {f, 2 * time.Hour, time.Hour, 626 * size.MiB},
		"never below where it was killed":            {f, 1000 * time.Hour, time.Hour, 500 * size.MiB},
		"a clock that went back gives all of it":     {f, -time.Hour, time.Hour, f.Memory},
		"without a half-life it does not decay":      {f, time.Hour, 0, f.Memory},
		"given less than killed at, the latter":      {Floor{Memory: 1, KilledAt: 2, Since: noon}, time.Hour, time.Hour, 2},
		"huge amounts do not overflow":               {Floor{Memory: math.MaxInt64, KilledAt: 0, Since: noon}, time.Hour, time.Hour, math.MaxInt64/2 + 1},
		"nor do negative ones":                       {Floor{Memory: math.MaxInt64, KilledAt: math.MinInt64 + 1, Since: noon}, 0, time.Hour, math.MaxInt64},
		"a time beyond all counting leaves the kill": {f, math.MaxInt64, 1, 500 * size.MiB},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.floor.At(noon.Add(tc.age), tc.halfLife); got != tc.want {
				t.Errorf("At() = %s, want %s", got, tc.want)
			}
		})
	}
}

func TestFloorNeverRisesAndNeverFallsBelowTheKill(t *testing.T) {
	for _, f := range []Floor{
		{Memory: 768 * size.MiB, KilledAt: 512 * size.MiB},
		{Memory: 768*size.MiB + 1, KilledAt: 512*size.MiB + 1},
		{Memory: 11 * size.GiB, KilledAt: 1},
		{Memory: math.MaxInt64, KilledAt: math.MaxInt64 / 3},
	} {
		f.Since = noon
		t.Run(fmt.Sprint(f.Memory, " killed at ", f.KilledAt), func(t *testing.T) {
			before := f.At(noon, 7*24*time.Hour)
			for age := time.Second; age < 400*24*time.Hour; age += age/50 + 1 {
				got := f.At(noon.Add(age), 7*24*time.Hour)
				if got > before || got < f.KilledAt {
					t.Fatalf("after %s the floor is %d: want it between %d and %d", age, got, f.KilledAt, before)
				}
				before = got
			}
		})
	}
}

func TestCombinedTakesTheLargestOfTheHighestPriorityThatHasData(t *testing.T) {
	for name, tc := range map[string]struct {
		estimates []Estimate
		want      size.Amounts
	}{
		"nobody":                                  {nil, size.Amounts{}},
		"nobody with data":                        {[]Estimate{{}, {}}, size.Amounts{}},
		"the larger target":                       {[]Estimate{{Target: memory(1)}, {Target: memory(2)}, {}}, memory(2)},
		"a lower bound above the targets":         {[]Estimate{{Target: memory(1)}, {Lower: memory(3)}}, memory(3)},
		"each resource by itself":                 {[]Estimate{{Target: size.Amounts{CPU: size.Of(size.MilliCPU(5))}}, {Target: memory(1)}}, size.Amounts{CPU: size.Of(size.MilliCPU(5)), Memory: size.Of(size.Bytes(1))}},
		"an upper bound raises nothing":           {[]Estimate{{Target: memory(1), Upper: memory(9)}}, memory(1)},
		"a higher priority overrides":             {[]Estimate{{Target: memory(5)}, {Target: memory(2), Priority: 1}, {Target: memory(3), Priority: 1}}, memory(3)},
		"a higher priority without data does not": {[]Estimate{{Target: memory(5)}, {Priority: 1}}, memory(5)},
		"a floor holds against any priority":      {[]Estimate{{Target: memory(5), Lower: memory(4)}, {Target: memory(2), Priority: 1}}, memory(4)},
		"a negative answer is not taken for none": {[]Estimate{{Target: memory(-4)}, {}}, memory(-4)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Combined(tc.estimates...); got != tc.want {
				t.Errorf("Combined() = %s, want %s", got, tc.want)
			}
		})
	}
}
