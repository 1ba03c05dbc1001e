package usage

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/metapilot/metapilot/size"
)

func TestPeaks(t *testing.T) {
	type sample struct {
		after time.Duration
		bytes size.Bytes
	}
	const window = time.Hour
	for name, tc := range map[string]struct {
		samples []sample
		at      time.Duration
		want    size.Bytes // 0 for none
	}{
		"none":                                   {},
		"the highest":                            {samples: []sample{{0, 1}, {time.Minute, 7}, {2 * time.Minute, 3}}, at: 2 * time.Minute, want: 7},
		"remembered for the window":              {samples: []sample{{0, 7}, {59 * time.Minute, 3}}, at: time.Hour, want: 7},
		"forgotten after it":                     {samples: []sample{{0, 7}, {59 * time.Minute, 3}}, at: time.Hour + 5*time.Minute, want: 3},
		"forgotten without a new sample":         {samples: []sample{{0, 7}}, at: 2 * time.Hour},
		"a late sample counts":                   {samples: []sample{{30 * time.Minute, 3}, {0, 7}}, at: 30 * time.Minute, want: 7},
		"one older than the window does not":     {samples: []sample{{2 * time.Hour, 3}, {0, 7}}, at: 2 * time.Hour, want: 3},
		"a gap longer than the window":           {samples: []sample{{0, 7}, {10 * time.Hour, 3}}, at: 10 * time.Hour, want: 3},
		"a sample from a clock that is ahead":    {samples: []sample{{time.Minute, 7}}, at: 0, want: 7},
		"a late sample does not hide a new peak": {samples: []sample{{10 * time.Minute, 9}, {0, 2}}, at: 10 * time.Minute, want: 9},
	} {
		t.Run(name, func(t *testing.T) {
			var p peaks
			for _, s := range tc.samples {
				p.add(noon.Add(s.after), s.bytes, window)
			}
			if got := p.peak(noon.Add(tc.at), window).Or(0); got != tc.want {
				t.Errorf("peak = %d, want %d", got, tc.want)
			}
		})
	}
}

// The slots agree with a list of all samples: nothing of the window is lost, and nothing older than it and one part stays.
func TestPeaksAgreeWithAllSamples(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const window = 12 * time.Minute
	type sample struct {
		at    time.Time
		bytes size.Bytes
	}
	for range 200 {
		var p peaks
		var all []sample
		now := noon
		for range 100 {
			now = now.Add(time.Duration(random.Int64N(int64(3 * time.Minute))))
			s := sample{now.Add(-time.Duration(random.Int64N(int64(time.Minute)))), size.Bytes(1 + random.IntN(1000))}
			all = append(all, s)
			p.add(s.at, s.bytes, window)
			var least, most size.Bytes
			for _, s := range all {
				if age := now.Sub(s.at); age <= window {
					least = max(least, s.bytes)
				}
				if age := now.Sub(s.at); age <= window+window/peakSlots {
					most = max(most, s.bytes)
				}
			}
			if got := p.peak(now, window).Or(0); got < least || got > most {
				t.Fatalf("peak = %d, want between %d and %d", got, least, most)
			}
		}
	}
}
