package profiles

import (
	"math"
	"math/rand"
	"testing"
)

func TestALevelIsNeverLessAndAtMostFivePercentMore(t *testing.T) {
	for x := 1.0; x < tops[topLevel]; x *= 1.0007 {
		got := tops[levelOf(x)]
		if got < x || got > x*growth*(1+1e-12) {
			t.Fatalf("%g is read as %g", x, got)
		}
	}
	for n := 1; n <= topLevel; n++ {
		if got := levelOf(tops[n]); int(got) != n {
			t.Errorf("the top of level %d is of level %d", n, got)
		}
	}
	for x, want := range map[float64]uint8{0: 1, 0.3: 1, 1: 1, math.MaxFloat64: topLevel} {
		if got := levelOf(x); got != want {
			t.Errorf("levelOf(%g) = %d, want %d", x, got, want)
		}
	}
}

// VPA's buckets: up to 50 % at 20 MiB, and 86 % at 11 millicores.
func TestSmallUsagesAreTold(t *testing.T) {
	for _, tc := range []struct {
		r         resource
		low, high float64
	}{{memory, 18 << 20, 22 << 20}, {cpu, 9, 12}, {memory, 55 << 20, 65 << 20}} {
		for v := tc.low; v < tc.high; v *= 1.001 {
			if read := tops[levelOf(v/tc.r.unit())] * tc.r.unit(); read > v*1.06 {
				t.Errorf("%s: %g is read as %g", tc.r, v, read)
			}
		}
	}
}

// TestHoursAreAsAMapWouldHaveThem compares the ring with a map that keeps everything.
func TestHoursAreAsAMapWouldHaveThem(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for range 50 {
		var h hours
		all := map[int64]uint8{}
		now := int64(490_000 + random.Intn(1000))
		for range 2000 {
			switch random.Intn(20) {
			case 0:
				now += int64(random.Intn(800)) // an outage, at times longer than all that is kept
			default:
				now += int64(random.Intn(2))
			}
			hour := now - int64(random.Intn(4)*random.Intn(250))
			level := uint8(1 + random.Intn(topLevel))
			h.raise(hour, level)
			newest := h.newest
			if hour > newest-hoursKept {
				all[hour] = max(all[hour], level)
			}
		}
		n := int64(1 + random.Intn(hoursKept))
		wantPeak, wantKnown := uint8(0), 0
		line := h.line()
		for hour := h.newest - hoursKept + 1; hour <= h.newest; hour++ {
			if got := h.at(hour); got != all[hour] {
				t.Fatalf("hour %d is %d, want %d", hour, got, all[hour])
			}
			if got := line[hour-h.newest+hoursKept-1]; got != all[hour] {
				t.Fatalf("hour %d of the line is %d, want %d", hour, got, all[hour])
			}
			if hour > h.newest-n && all[hour] > 0 {
				wantPeak, wantKnown = max(wantPeak, all[hour]), wantKnown+1
			}
		}
		if peak, known := h.peak(n); peak != wantPeak || known != wantKnown {
			t.Fatalf("the peak of %d hours is %d of %d known, want %d of %d", n, peak, known, wantPeak, wantKnown)
		}
		if got := h.at(h.newest + 1); got != 0 {
			t.Fatalf("an hour to come is %d", got)
		}
	}
}

func TestMedianOfHours(t *testing.T) {
	var h hours
	if got := h.median(); got != 0 {
		t.Errorf("of nothing: %g", got)
	}
	for i, level := range []uint8{9, 1, 5, 7, 3} {
		h.raise(490_000+int64(2*i), level)
	}
	if got := h.median(); got != tops[5] {
		t.Errorf("the median is %g, want %g", got, tops[5])
	}
}
