package profiles_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/vpa"
	"github.com/metapilot/metapilot/size"
)

const mib = 1 << 20

// begin is a Monday.
var begin = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)

// shape is a load that is known: usage of a replica at a minute, in millicores and bytes.
type shape struct {
	days     int
	replicas int
	// every is the minutes between samples; 0: 1.
	every int
	use   func(replica, minute int) (cpu, memory float64)
}

func wave(minute int, low, high float64) float64 {
	return low + (high-low)*(1-math.Cos(2*math.Pi*float64(minute)/1440))/2
}

var shapes = map[string]shape{
	"steady": {28, 1, 1, func(_, _ int) (float64, float64) { return 100, 300 * mib }},
	"daily wave": {28, 1, 1, func(_, m int) (float64, float64) {
		return wave(m, 200, 650), wave(m, 600*mib, 800*mib)
	}},
	"weekly storm": {35, 1, 1, func(_, m int) (float64, float64) {
		if m%(7*1440) >= 180 && m%(7*1440) < 186 { // six minutes on Monday at 03:00
			return 2000, 1800 * mib
		}
		return 300, 500 * mib
	}},
	"ramp": {14, 1, 1, func(_, m int) (float64, float64) {
		share := float64(m) / (14 * 1440)
		return 100 + 400*share, (200 + 800*share) * mib
	}},
	"one hot replica": {14, 3, 1, func(r, m int) (float64, float64) {
		hot := float64(1 + r/2) // the third uses twice as much
		return hot * wave(m, 80, 120), hot * 400 * mib
	}},
	"small scheduler": {28, 1, 1, func(_, m int) (float64, float64) {
		return 10 + float64(m%9), (55 + float64(m%11)) * mib
	}},
	"five-minute steps": {14, 1, 5, func(_, m int) (float64, float64) {
		return wave(m, 40, 90), wave(m, 100*mib, 140*mib)
	}},
}

func (s shape) end() time.Time { return begin.Add(time.Duration(s.days) * 24 * time.Hour) }

// feed gives every sample of the shape to a function, in order.
func (s shape) feed(add func(time.Time, profiles.Sample)) {
	for m := 0; m < s.days*1440; m += max(s.every, 1) {
		at := begin.Add(time.Duration(m) * time.Minute)
		for r := range s.replicas {
			cpu, memory := s.use(r, m)
			add(at, profiles.Sample{At: at, Replica: fmt.Sprintf("replica-%d", r), CPU: size.Of(cpu), Memory: size.Of(memory)})
		}
	}
}

// profile runs an algorithm over the shape.
func (s shape) profile(a profiles.Algorithm) profiles.Recommendation {
	state := profiles.New(a)
	s.feed(func(now time.Time, x profiles.Sample) {
		state.Add(now, x)
		if peer, ok := a.(*vpa.State); ok {
			peer.Add(now, x)
		}
	})
	return state.Recommend(s.end(), a, profiles.Bounds{})
}

// weighed is what the histograms are made of, exactly: the highest replica of every tick and its weight at the end.
type weighed struct{ value, weight float64 }

func (s shape) ticks(minutes int, halfLife time.Duration, pick func(cpu, memory float64) float64) []weighed {
	var out []weighed
	for m := 0; m < s.days*1440; m += max(s.every, 1) {
		v := 0.0
		for r := range s.replicas {
			v = max(v, pick(s.use(r, m)))
		}
		if m%minutes == 0 || len(out) == 0 {
			age := time.Duration(s.days*1440-m) * time.Minute
			out = append(out, weighed{weight: math.Exp2(-float64(age) / float64(halfLife))})
		}
		out[len(out)-1].value = max(out[len(out)-1].value, v)
	}
	return out
}

// percentile is the smallest value at or below which lies the share of the weight.
func percentile(ticks []weighed, share float64) float64 {
	ticks = slices.Clone(ticks)
	slices.SortFunc(ticks, func(a, b weighed) int { return cmp.Compare(a.value, b.value) })
	total, sum := 0.0, 0.0
	for _, t := range ticks {
		total += t.weight
	}
	for _, t := range ticks {
		if sum += t.weight; sum >= share*total*(1-1e-9) {
			return t.value
		}
	}
	return math.NaN()
}

func byLoad(ticks []weighed) []weighed {
	out := slices.Clone(ticks)
	for i := range out {
		out[i].weight *= out[i].value
	}
	return out
}

func cpuOf(cpu, _ float64) float64       { return cpu }
func memoryOf(_, memory float64) float64 { return memory }

// peakOf is the highest usage of the latest days.
func (s shape) peakOf(days int, pick func(cpu, memory float64) float64) float64 {
	peak := 0.0
	for m := max(0, s.days-days) * 1440; m < s.days*1440; m += max(s.every, 1) {
		for r := range s.replicas {
			peak = max(peak, pick(s.use(r, m)))
		}
	}
	return peak
}

// ahead is the highest usage of the hours after the end, and the hour on either side: what a season should foretell.
func (s shape) ahead(hours int, pick func(cpu, memory float64) float64) float64 {
	peak := 0.0
	for m := s.days*1440 - 60; m < s.days*1440+(hours+2)*60; m++ {
		peak = max(peak, pick(s.use(s.replicas-1, m)))
	}
	return peak
}

// expected works the target of an algorithm out from the load itself.
func (s shape) expected(a profiles.Algorithm, seasonal map[string]bool, pick func(cpu, memory float64) float64, isCPU bool) float64 {
	ticks := 5
	if isCPU {
		ticks = 1
	}
	half := func(d profiles.Decay) time.Duration {
		if isCPU {
			return d.CPUHalfLife
		}
		return d.MemoryHalfLife
	}
	resource := map[bool]string{true: "cpu", false: "memory"}[isCPU]
	switch a := a.(type) {
	case profiles.Percentile:
		p := map[bool]profiles.Percentiles{true: a.CPU, false: a.Memory}[isCPU].Target
		return 1.15 * percentile(s.ticks(ticks, half(a.HalfLife), pick), float64(p)/100)
	case profiles.Peak:
		return 1.15 * s.peakOf(14, pick)
	case profiles.MovingWindow:
		p := map[bool]profiles.Statistic{true: a.CPU, false: a.Memory}[isCPU].Percent
		v := percentile(byLoad(s.ticks(ticks, half(a.HalfLife), pick)), float64(p)/100)
		largest := map[bool]float64{true: 4000, false: 8 << 30}[isCPU]
		return v * (1.15 - math.Floor(5*v/largest)/100)
	case profiles.Seasonal:
		if seasonal[resource] {
			return 1.15 * s.ahead(6, pick)
		}
		return 1.15 * s.peakOf(14, pick)
	}
	return math.NaN()
}

// TestExpectedAgainstShown works every target out from the load, and compares it with the profile's. What is shown may be
// a level (5 %) and the rounding of an amount more, and never less, except that weights of the load-adjusted percentile are
// rounded too.
func TestExpectedAgainstShown(t *testing.T) {
	seasons := map[string]map[string]bool{
		"daily wave":        {"cpu": true},
		"weekly storm":      {"cpu": true, "memory": true},
		"five-minute steps": {"cpu": true},
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%-18s %-13s %18s %18s %18s %18s\n", "load", "algorithm", "CPU expected", "shown", "memory expected", "shown")
	for _, name := range []string{"steady", "daily wave", "weekly storm", "ramp", "one hot replica", "small scheduler", "five-minute steps"} {
		s := shapes[name]
		for _, a := range []profiles.Algorithm{profiles.DefaultPercentile(), profiles.DefaultPeak(), profiles.DefaultMovingWindow(), profiles.DefaultSeasonal()} {
			got := s.profile(a)
			cpu, memory := got.Target.CPU.Or(0), got.Target.Memory.Or(0)
			wantCPU := s.expected(a, seasons[name], cpuOf, true)
			wantMemory := s.expected(a, seasons[name], memoryOf, false)
			fmt.Fprintf(&table, "%-18s %-13s %16.0f m %18s %14.1f MiB %18s\n", name, a.Name(), wantCPU, cpu, wantMemory/mib, memory)
			near(t, fmt.Sprintf("%s: %s: CPU", name, a.Name()), wantCPU, float64(cpu), 1)
			near(t, fmt.Sprintf("%s: %s: memory", name, a.Name()), wantMemory, float64(memory), mib)
		}
	}
	t.Log("\n" + table.String())
}

func near(t *testing.T, what string, want, got, unit float64) {
	t.Helper()
	if got < want*0.995-unit/2 || got > want*1.055+unit {
		t.Errorf("%s: %.0f is shown, want from %.0f to %.0f", what, got, want, want*1.055+unit)
	}
}

// TestWhatAutoAndVPAShow has the targets of the two that choose, or are somebody else's, as they are.
func TestWhatAutoAndVPAShow(t *testing.T) {
	for name, tc := range map[string]struct{ auto, vpa string }{
		"steady":            {"cpu 119m, memory 345Mi", "cpu 126m, memory 380258472"},
		"daily wave":        {"cpu 623m, memory 920Mi", "cpu 763m, memory 978270031"},
		"weekly storm":      {"cpu 2324m, memory 2070Mi", "cpu 350m, memory 628694953"},
		"ramp":              {"cpu 624m, memory 1211Mi", "cpu 587m, memory 1238659775"},
		"one hot replica":   {"cpu 286m, memory 920Mi", "cpu 271m, memory 978270031"},
		"small scheduler":   {"cpu 22m, memory 75Mi", "cpu 25m, memory 250Mi"},
		"five-minute steps": {"cpu 93m, memory 161Mi", "cpu 109m, memory 250Mi"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := shapes[name].profile(profiles.Auto{Kind: profiles.KindOther}).Target.String(); got != tc.auto {
				t.Errorf("Auto: %s, want %s", got, tc.auto)
			}
			if got := shapes[name].profile(vpa.New(1)).Target.String(); got != tc.vpa {
				t.Errorf("VPA: %s, want %s", got, tc.vpa)
			}
		})
	}
}
