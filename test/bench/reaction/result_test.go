package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestSummarise(t *testing.T) {
	in := func(s float64) *float64 { return &s }
	for name, tc := range map[string]struct {
		latencies        []*float64
		min, median, max float64 // NaN is none
		answered         int
	}{
		"all in time, odd":            {[]*float64{in(3), in(1), in(2)}, 1, 2, 3, 3},
		"all in time, even":           {[]*float64{in(4), in(1), in(2), in(3)}, 1, 2.5, 4, 4},
		"one":                         {[]*float64{in(5)}, 5, 5, 5, 1},
		"the latest not in time":      {[]*float64{in(3), nil, in(1)}, 1, 3, math.NaN(), 2},
		"half not in time, even":      {[]*float64{in(3), nil, in(1), nil}, 1, math.NaN(), math.NaN(), 2},
		"most not in time":            {[]*float64{nil, nil, in(1)}, 1, math.NaN(), math.NaN(), 1},
		"none in time":                {[]*float64{nil, nil}, math.NaN(), math.NaN(), math.NaN(), 0},
		"nothing that could be early": {nil, math.NaN(), math.NaN(), math.NaN(), 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := summarise(tc.latencies)
			for what, pair := range map[string]struct {
				got  *float64
				want float64
			}{"min": {s.MinSeconds, tc.min}, "median": {s.MedianSeconds, tc.median}, "max": {s.MaxSeconds, tc.max}} {
				switch {
				case pair.got == nil && math.IsNaN(pair.want):
				case pair.got == nil || *pair.got != pair.want:
					t.Errorf("%s is %v, want %v", what, pair.got, pair.want)
				}
			}
			if s.Answered != tc.answered || s.Kills != len(tc.latencies) {
				t.Errorf("%d of %d are answered, want %d", s.Answered, s.Kills, tc.answered)
			}
		})
	}
}

// aRun is a run of one kill each: Metapilot in 50 ms and 100 ms, the others' first pod in time, all replicas never.
func aRun() map[string][]*Kill {
	kills := map[string][]*Kill{}
	for _, s := range setups() {
		k := &Kill{Tenant: s.name, FirstSeconds: new(50.0), Evicted: 1}
		if s.vpa == nil {
			k = &Kill{Tenant: s.name, FirstSeconds: new(0.05), AllSeconds: new(0.1)}
		}
		kills[s.name] = []*Kill{k}
	}
	return kills
}

func TestTheReportComparesWithMetapilotAndSaysWhatCameTooLate(t *testing.T) {
	r := &Result{TimeoutSeconds: 240, Setups: summariseAll(aRun(), map[string]int{"vpa-tuned": 2}, 240)}
	want := []string{
		"Metapilot", "50 ms", "50 ms – 50 ms", "1", "100 ms", "100 ms – 100 ms", "1", "0", "0",
	}
	for i, cell := range r.latencies()[1] {
		if cell != want[i] {
			t.Errorf("Metapilot's cell %d is %q, want %q", i, cell, want[i])
		}
	}
	want = []string{
		"VPA, as it comes", "50.0 s", "50.0 s – 50.0 s", "1000", "not within 240 s", "0 of 1", "> 2400", "1", "0",
	}
	for i, cell := range r.latencies()[2] {
		if cell != want[i] {
			t.Errorf("VPA's cell %d is %q, want %q", i, cell, want[i])
		}
	}
	if err := r.judge(); err != nil {
		t.Errorf("a run with answers is judged: %v", err)
	}
	if !strings.Contains(r.markdown(), "| scaler | first pod: median |") || !strings.Contains(r.text(), "VPA, tuned for speed") {
		t.Errorf("the tables are:\n%s\n%s", r.markdown(), r.text())
	}
}

func TestARunInWhichAScalerNeverAnsweredIsAnError(t *testing.T) {
	kills := aRun()
	kills["metapilot"] = []*Kill{{Tenant: "metapilot-0000"}}
	r := &Result{TimeoutSeconds: 240, Setups: summariseAll(kills, nil, 240)}
	if err := r.judge(); err == nil || !strings.Contains(err.Error(), "no kill was answered within 240 s by: Metapilot") {
		t.Errorf("error is %v", err)
	}
	if got := r.latencies()[2][3]; got != "?" {
		t.Errorf("without a reference the ratio is %q", got)
	}
}

func TestEveryFlagThatIsNotADefaultIsReported(t *testing.T) {
	for _, s := range setups() {
		flags := flagsOf(s)
		tuned := s.vpa != nil && s.vpa.instance == instanceTuned
		if asItComes := s.vpa == nil || s.vpa.instance == instanceDefaults; asItComes != (len(flags) == 0) {
			t.Errorf("the flags of %s are %q", s.name, flags)
		}
		if tuned && !strings.Contains(strings.Join(flags, "\n"), "recommender --recommender-interval=1s") {
			t.Errorf("the flags of %s are %q", s.name, flags)
		}
	}
}

func TestRequestsAreGivenForATenantAndAMinute(t *testing.T) {
	rows := requestRows(map[string]Requests{askers()[1].user: {Reads: 60, Writes: 120}}, 10, 2*time.Minute)
	got := rows[1]
	if got.Tenants != 20 || got.ReadsPerTenantAndMinute != 1.5 || got.WritesPerTenantAndMinute != 3 {
		t.Errorf("the row is %+v", got)
	}
}
