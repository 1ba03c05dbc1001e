package profiles

import "math"

// Usage is kept as a level: a byte, 0 for unknown. Level n stands for all that is above tops[n-1] and not above tops[n],
// in units of the resource, and is read as tops[n]: never less than what was used, and at most 5 % more. From 1 millicore
// to 240 cores, from 2 MiB to 470 GiB.
//
// VPA's buckets widen from 10 millicores and 10 MB: up to 86 % more at 11 millicores, 50 % at 20 MiB, and 5 % only for
// what is large.
const (
	growth   = 1.05
	topLevel = 255
)

var tops = func() [topLevel + 1]float64 {
	var t [topLevel + 1]float64
	for n := 1; n <= topLevel; n++ {
		t[n] = math.Pow(growth, float64(n-1))
	}
	return t
}()

// levelOf gives the level of a usage in units. The logarithm may be off by a bit in the last place, which differs between
// machines; the table decides.
func levelOf(x float64) uint8 {
	if x <= 1 {
		return 1
	}
	if x >= tops[topLevel] {
		return topLevel
	}
	n := 1 + int(math.Log(x)*(1/0.04879016416943205)) // ln 1.05
	for tops[n] < x {
		n++
	}
	for tops[n-1] >= x {
		n--
	}
	return uint8(n)
}

const (
	// Hours is how many hours are kept: four weeks, so that a weekly season can be learned from three and tested on one.
	hoursKept = 28 * 24
	hour      = 3600
)

// hours is the peak of each of the latest hours, as a level: a ring, indexed by the hour since 1970.
type hours struct {
	newest int64 // 0 while there is none
	ring   [hoursKept]uint8
}

// at gives the level of an hour's peak, 0 where it is unknown.
func (h *hours) at(hour int64) uint8 {
	if hour > h.newest || hour <= h.newest-hoursKept || hour < 0 {
		return 0
	}
	return h.ring[hour%hoursKept]
}

// raise makes an hour's peak at least the level. An hour that is newer than all others pushes the oldest out.
func (h *hours) raise(hour int64, level uint8) {
	switch {
	case hour <= h.newest-hoursKept:
		return
	case hour >= h.newest+hoursKept:
		h.ring = [hoursKept]uint8{}
		h.newest = hour
	}
	for ; h.newest < hour; h.newest++ {
		h.ring[(h.newest+1)%hoursKept] = 0
	}
	if cell := &h.ring[hour%hoursKept]; *cell < level {
		*cell = level
	}
}

// peak gives the highest level of the latest n hours, and how many of these are known.
func (h *hours) peak(n int64) (level uint8, known int) {
	older, newer := h.latest(int(min(n, hoursKept)))
	for _, part := range [2][]uint8{older, newer} {
		for _, l := range part {
			known += (int(l) + 255) >> 8 // 1 where l > 0, without a branch
			level = max(level, l)
		}
	}
	return level, known
}

// latest gives the latest n hours, in two parts since it is a ring.
func (h *hours) latest(n int) (older, newer []uint8) {
	end := int(h.newest%hoursKept) + 1
	if n <= end {
		return nil, h.ring[end-n : end]
	}
	return h.ring[hoursKept-(n-end):], h.ring[:end]
}

// line is the hours kept, the oldest first, to be read in long runs.
type line [hoursKept]uint8

func (h *hours) line() (l line) {
	older, newer := h.latest(hoursKept)
	copy(l[copy(l[:], older):], newer)
	return l
}

// median gives the top of the level that half of the known hours do not exceed, in units; 0 where none is known.
func (h *hours) median() float64 {
	var count [topLevel + 1]int
	known := 0
	for _, l := range h.ring {
		if l > 0 {
			count[l]++
			known++
		}
	}
	seen := 0
	for level, n := range count {
		if seen += n; n > 0 && 2*seen >= known {
			return tops[level]
		}
	}
	return 0
}
