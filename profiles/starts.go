package profiles

import "github.com/metapilot/metapilot/size"

const (
	// startsKept is how many starts are remembered: two rollouts of three replicas, and two restarts. They are kept for
	// good, since the next start may be months away.
	startsKept = 8
	// startUp is the seconds of a container's life that are its start-up: a kube-apiserver fills its watch caches, a
	// controller its informers.
	startUp = 5 * 60
)

// starts is the highest usage during each of the latest starts of the container.
type starts [startsKept]start

type start struct {
	at   int64 // unix seconds; 0: none
	peak [resources]float32
}

// add takes a reading of a container that started at a time.
func (s *starts) add(started, at int64, values [resources]size.Opt[float64]) {
	if started < oldest || at < started || at > started+startUp {
		return
	}
	entry := &s[0]
	for i := range s {
		if s[i].at == started {
			entry = &s[i]
			break
		}
		if s[i].at < entry.at {
			entry = &s[i]
		}
	}
	if entry.at > started {
		return
	}
	if entry.at < started {
		*entry = start{at: started}
	}
	for r, v := range values {
		if v, ok := v.Get(); ok {
			entry.peak[r] = max(entry.peak[r], float32(v))
		}
	}
}

// peak gives the highest usage during the latest starts; false where none was seen.
func (s *starts) peak(r resource) (float64, bool) {
	var peak float32
	for _, start := range s {
		peak = max(peak, start.peak[r])
	}
	return float64(peak), peak > 0
}
