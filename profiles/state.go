package profiles

import (
	"time"

	"github.com/metapilot/metapilot/size"
)

// State is what is known of one container of a workload, over all of the workload's replicas. The zero State is not
// ready: use New. Not safe for concurrent use: also what only reads keeps what it has worked out.
type State struct {
	use      [resources]usage
	starts   starts
	kills    kills
	replicas replicas
	// first and last are unix seconds of the earliest and the latest sample taken, until the year 2106; 0 while there is none.
	first, last uint32
	counts      Counts
	// worked is what was last worked out; nil: nothing was.
	worked *worked
}

// Counts says how many values came in, since the profile began.
type Counts struct {
	// Taken are values that count in full, Late those that only raised a peak, Rejected those that were refused.
	Taken, Late, Rejected uint64
	// Kills are OOM kills.
	Kills uint64
}

// Decay is how fast samples lose weight in the histograms that percentiles are read from. Peaks do not fade.
type Decay struct {
	CPUHalfLife, MemoryHalfLife time.Duration
}

// The bounds of a half-life. More than four weeks would remember longer than the hourly peaks do.
const (
	MinHalfLife = time.Hour
	MaxHalfLife = 28 * 24 * time.Hour
)

func (d Decay) of(r resource) time.Duration {
	if r == cpu {
		return d.CPUHalfLife
	}
	return d.MemoryHalfLife
}

// clamp keeps half-lives within their bounds, since a State has no error to give.
func (d Decay) clamp() Decay {
	d.CPUHalfLife = min(max(d.CPUHalfLife, MinHalfLife), MaxHalfLife).Truncate(time.Second)
	d.MemoryHalfLife = min(max(d.MemoryHalfLife, MinHalfLife), MaxHalfLife).Truncate(time.Second)
	return d
}

// New gives an empty State whose samples fade as the algorithm wants it.
func New(a Algorithm) *State {
	s := &State{}
	d := a.Decay().clamp()
	for r := range resources {
		s.use[r].levels.halfLife = int32(d.of(r) / time.Second)
	}
	return s
}

// Follow makes samples fade as another algorithm wants it, from the newest sample on. Peaks, start-ups and kills are the
// same for every algorithm, so that a change of algorithm loses nothing.
func (s *State) Follow(a Algorithm) {
	d := a.Decay().clamp()
	for r := range resources {
		u := &s.use[r]
		u.levels.setHalfLife(int32(d.of(r)/time.Second), u.open.at)
	}
}

// Add takes a sample. Now is the time; a sample may come late, twice, and out of order.
func (s *State) Add(now time.Time, x Sample) Verdicts {
	at := x.At.Unix()
	values := [resources]size.Opt[float64]{x.CPU, x.Memory}
	var verdicts [resources]Verdict
	for r := range resources {
		verdict := x.judge(r, values[r], now)
		if verdict == Taken {
			changed := false
			if verdict, changed = s.use[r].add(r, at, values[r].Or(0)); changed && s.worked != nil {
				*s.worked = worked{}
			}
		}
		if verdict.Rejected() {
			values[r] = size.Opt[float64]{}
		}
		verdicts[r] = verdict
		s.count(verdict)
	}
	if values[cpu].Present() || values[memory].Present() {
		s.note(x, at, values, verdicts)
	}
	return Verdicts{CPU: verdicts[cpu], Memory: verdicts[memory]}
}

func (s *State) count(v Verdict) {
	switch {
	case v == Taken:
		s.counts.Taken++
	case v == Late:
		s.counts.Late++
	case v.Rejected():
		s.counts.Rejected++
	}
}

// note keeps what is told by a sample as a whole: the times, the start-up and the replica.
func (s *State) note(x Sample, at int64, values [resources]size.Opt[float64], verdicts [resources]Verdict) {
	if s.first == 0 || at < int64(s.first) {
		s.first = uint32(at)
	}
	s.last = max(s.last, uint32(at))
	if started, ok := x.Started.Get(); ok {
		s.starts.add(started.Unix(), at, values)
	}
	if verdicts[cpu] != Late && verdicts[memory] != Late {
		s.replicas.add(x.Replica, at, values)
	}
}

// OOM takes a kill of the container: when it was, and the most that is known of the memory it held: its limit, its
// request or its working set. The same kill may be taken more than once. It gives false, and counts nothing, where the
// amount is no amount or the time is no time.
func (s *State) OOM(now, at time.Time, held size.Bytes) bool {
	if memory.judge(float64(held)) != Taken || at.Unix() < oldest || at.After(now.Add(futureSlack)) {
		return false
	}
	if s.kills.add(at.Unix(), int64(held)) {
		s.counts.Kills++
	}
	return true
}

// Counts says how many values came in.
func (s *State) Counts() Counts { return s.counts }

// First gives the time of the earliest sample.
func (s *State) First() size.Opt[time.Time] { return unix(int64(s.first)) }

// Last gives the time of the latest sample: where to go on with reading history.
func (s *State) Last() size.Opt[time.Time] { return unix(int64(s.last)) }

func unix(seconds int64) size.Opt[time.Time] {
	if seconds == 0 {
		return size.Opt[time.Time]{}
	}
	return size.Of(time.Unix(seconds, 0).UTC())
}
