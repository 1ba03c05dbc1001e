package profiles

import (
	"math"
	"math/rand"
	"testing"
)

// model is a histogram that keeps every sample.
type model []struct {
	level  uint8
	weight float64
	at     int64
}

func (m model) level(share float64, now int64, halfLife int32, factor func(uint8) float64) uint8 {
	var weights [topLevel + 1]float64
	total := 0.0
	for _, s := range m {
		w := s.weight * math.Exp2(-float64(now-s.at)/float64(halfLife)) * factor(s.level)
		weights[s.level] += w
		total += w
	}
	sum := 0.0
	for level, w := range weights {
		if sum += w; w > 0 && sum >= total*share*(1-1e-6) {
			return uint8(level)
		}
	}
	return 0
}

// TestPercentilesAreThoseOfAllSamples compares a histogram with one that keeps every sample, over many half-lives.
func TestPercentilesAreThoseOfAllSamples(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for round := range 60 {
		h := histogram{halfLife: int32(3600 * (1 + random.Intn(48)))}
		var m model
		at := int64(1_700_000_000)
		base := 1 + random.Intn(150)
		for range 1500 {
			at += int64(random.Intn(2 * int(h.halfLife) / (1 + random.Intn(100))))
			level := uint8(base + random.Intn(90)) // less than maxLevels
			weight := float64(1 + random.Intn(3))
			h.add(level, weight, at)
			m = append(m, struct {
				level  uint8
				weight float64
				at     int64
			}{level, weight, at})
		}
		for _, share := range []float64{0.01, 0.5, 0.9, 0.95, 0.99} {
			for name, factor := range map[string]func(uint8) float64{"once": once, "by load": byLoad} {
				got, want := h.level(share, openTick{}, 1, factor), m.level(share, at, h.halfLife, factor)
				// Weights are float32, so that a level may be missed by the last bits of a sum.
				near := m.level(share*(1+1e-5), at, h.halfLife, factor)
				if got != want && got != near {
					t.Fatalf("round %d: %s: P%g is level %d, want %d", round, name, 100*share, got, want)
				}
			}
		}
		if len(h.weights) > maxLevels {
			t.Fatalf("%d levels are kept", len(h.weights))
		}
	}
}

func TestWhatIsFarBelowTheHighestIsCountedAsMoreNeverLess(t *testing.T) {
	for name, nth := range map[string]func(n int) int{
		"the highest first": func(n int) int { return topLevel - n },
		"the lowest first":  func(n int) int { return n + 1 },
	} {
		h := histogram{halfLife: 3600}
		for n := range topLevel {
			h.add(uint8(nth(n)), 1, 1_700_000_000)
		}
		if got := len(h.weights); got > maxLevels {
			t.Errorf("%s: %d levels are kept, want at most %d", name, got, maxLevels)
		}
		sum := float32(0)
		for _, w := range h.weights {
			sum += w
		}
		if sum != topLevel {
			t.Errorf("%s: the weight is %g, want %d", name, sum, topLevel)
		}
		if got := h.level(0.95, openTick{}, 1, once); got != 243 {
			t.Errorf("%s: P95 is level %d, want 243", name, got)
		}
		if got := h.level(0.01, openTick{}, 1, once); got != topLevel-maxLevels+1 {
			t.Errorf("%s: P1 is level %d, want the lowest that is kept, %d", name, got, topLevel-maxLevels+1)
		}
	}
}

func TestOldSamplesAreForgottenAndTheirMemoryGivenBack(t *testing.T) {
	h := histogram{halfLife: 3600}
	at := int64(1_700_000_000)
	for level := range 100 {
		h.add(uint8(1+level), 1, at)
	}
	for range 100 {
		at += 3600
		h.add(200, 1, at)
	}
	if got := h.level(0.0001, openTick{}, 1, once); got != 200 {
		t.Errorf("after 100 half-lives P0.01 is level %d, want 200", got)
	}
	if got := len(h.weights); got > 2*chunk {
		t.Errorf("%d levels are kept, want few", got)
	}
}

func TestAnotherHalfLifeHoldsFromNowOn(t *testing.T) {
	h := histogram{halfLife: 3600}
	at := int64(1_700_000_000)
	h.add(10, 1, at)
	h.add(20, 1, at+3600) // twice the weight of the first
	h.setHalfLife(7200, at+3600)
	h.add(30, 1, at+3600+7200) // twice the weight of the second
	want := []float64{1.0 / 7, 2.0 / 7, 4.0 / 7}
	total := 0.0
	for _, w := range h.weights {
		total += float64(w)
	}
	for i, level := range []uint8{10, 20, 30} {
		if got := float64(h.weights[level-h.lowest]) / total; math.Abs(got-want[i]) > 1e-6 {
			t.Errorf("level %d has %.3f of the weight, want %.3f", level, got, want[i])
		}
	}
}

func TestTheOpenTickCounts(t *testing.T) {
	var u usage
	u.levels.halfLife = 3600
	u.add(cpu, 1_700_000_000, 100)
	if v, ok := u.share(cpu, 0.5, once); !ok || v < 100 || v > 105 {
		t.Errorf("the first sample is read as %g, %t", v, ok)
	}
	if v, ok := u.levels.mean(u.open, 1); !ok || v < 100 || v > 105 {
		t.Errorf("its mean is read as %g, %t", v, ok)
	}
	u.add(cpu, 1_700_000_060, 1000)
	if v, _ := u.share(cpu, 1, once); v < 1000 {
		t.Errorf("the highest of two is read as %g", v)
	}
}
