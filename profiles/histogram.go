package profiles

import "math"

// histogram is the distribution of usage over levels; a sample's weight halves with every half-life.
//
// VPA's decaying histogram could do it with buckets as fine as these, at 2.2 KB each instead of at most 0.5: it has a
// float64 for every bucket that there could be. DataDog's sketches-go (DDSketch, collapsing its lowest buckets) takes 1.5 KB
// for the two of a container, without decay, and brings protobuf along. Here are only the buckets between the lowest and the
// highest in use: 0.3 KB for the two of a usual container.
//
// Nothing is multiplied as time passes. A new sample weighs 2^((its time - reference) / half-life), so that the old ones
// weigh less beside it; the reference moves on when the exponent has grown large.
type histogram struct {
	weights   []float32 // of the levels from lowest on
	lowest    uint8
	halfLife  int32 // seconds
	reference int64 // unix seconds at which a sample weighs 1
}

const (
	// maxLevels bounds the memory. What is lower than the highest usage by more than 1.05^111 = 225 times is counted as
	// that: more, never less.
	maxLevels = 112
	// chunk is by how many levels weights grow.
	chunk = 8
	// maxExponent is how many half-lives pass before the reference moves. What weighs less than 2^-maxExponent of all
	// is then forgotten.
	maxExponent = 30
)

// add counts a sample of a weight at a time not before the reference by more than a few half-lives.
func (h *histogram) add(level uint8, weight float64, at int64) {
	if len(h.weights) == 0 {
		h.reference = at
	}
	exponent := float64(at-h.reference) / float64(h.halfLife)
	if exponent > maxExponent {
		h.moveReference(at)
		exponent = float64(at-h.reference) / float64(h.halfLife)
	}
	i := int(level) - int(h.lowest)
	if i < 0 || i >= len(h.weights) {
		i = h.reach(level)
	}
	h.weights[i] += float32(weight * math.Exp2(exponent))
}

// moveReference moves it by whole half-lives, so that weights change by a power of two, which is exact.
func (h *histogram) moveReference(at int64) {
	by := (at - h.reference) / int64(h.halfLife)
	h.reference += by * int64(h.halfLife)
	scale := float32(math.Ldexp(1, -int(min(by, 1000))))
	var total float32
	for i := range h.weights {
		h.weights[i] *= scale
		total += h.weights[i]
	}
	forgotten := float32(math.Ldexp(float64(total), -maxExponent))
	first, last := len(h.weights), -1
	for i, w := range h.weights {
		if w > forgotten {
			first, last = min(first, i), i
		} else {
			h.weights[i] = 0
		}
	}
	if last < 0 {
		h.weights, h.lowest = nil, 0
		return
	}
	if last-first+1+2*chunk <= len(h.weights) {
		h.weights = append(make([]float32, 0, chunks(last-first+1)), h.weights[first:last+1]...)
		h.weights = h.weights[:cap(h.weights)]
		h.lowest += uint8(first)
	}
}

// reach makes room for a level and gives its index.
func (h *histogram) reach(level uint8) int {
	if len(h.weights) == 0 {
		h.weights, h.lowest = make([]float32, chunk), level
		return 0
	}
	low, high := h.inUse()
	low, high = min(low, int(level)), max(high, int(level))
	low = max(low, high-maxLevels+1)
	weights := make([]float32, chunks(high-low+1))
	for i, w := range h.weights {
		if w > 0 {
			weights[max(int(h.lowest)+i-low, 0)] += w
		}
	}
	h.weights, h.lowest = weights, uint8(low)
	return max(int(level)-low, 0)
}

// inUse gives the lowest and the highest level that has a weight.
func (h *histogram) inUse() (low, high int) {
	low, high = topLevel+1, 0
	for i, w := range h.weights {
		if w > 0 {
			n := int(h.lowest) + i
			low, high = min(low, n), max(high, n)
		}
	}
	return low, high
}

func chunks(levels int) int { return min((levels+chunk-1)/chunk*chunk, maxLevels) }

// setHalfLife makes samples fade at another pace from a time on. What has faded until then stays as it is.
func (h *histogram) setHalfLife(seconds int32, from int64) {
	if h.halfLife == seconds {
		return
	}
	if len(h.weights) > 0 {
		scale, total := float32(math.Exp2(-float64(from-h.reference)/float64(h.halfLife))), float32(0)
		for i := range h.weights {
			h.weights[i] *= scale
			total += h.weights[i]
		}
		h.reference = from
		if total == 0 { // all of it has faded
			h.weights, h.lowest = nil, 0
		}
	}
	h.halfLife = seconds
}

// level gives the lowest level at or below which lies a share of the weight, from 0 to 1, each sample weighed once more
// by factor; 0 while there is no sample. Open is the sample that is still being made.
func (h *histogram) level(share float64, open openTick, unit float64, factor func(level uint8) float64) uint8 {
	extra, extraLevel := h.extra(open), uint8(0)
	if extra > 0 {
		extraLevel = levelOf(open.value / unit)
	}
	total, highest := 0.0, extraLevel
	for i, w := range h.weights {
		if w > 0 {
			level := h.lowest + uint8(i)
			total += float64(w) * factor(level)
			highest = max(highest, level)
		}
	}
	if extra > 0 {
		total += extra * factor(extraLevel)
	}
	// What lies above the level may not be more than the rest; rounding must not make it so.
	rest := total * (1 - share) * (1 + 1e-9)
	above := 0.0
	for level := highest; level > 1; level-- {
		if i := int(level) - int(h.lowest); i >= 0 && i < len(h.weights) {
			above += float64(h.weights[i]) * factor(level)
		}
		if extra > 0 && level == extraLevel {
			above += extra * factor(level)
		}
		if above > rest {
			return level
		}
	}
	return min(highest, 1)
}

// mean gives the average of the tops of the levels, in units; false while there is no sample.
func (h *histogram) mean(open openTick, unit float64) (float64, bool) {
	total, sum := 0.0, 0.0
	for i, w := range h.weights {
		total += float64(w)
		sum += float64(w) * tops[h.lowest+uint8(i)]
	}
	if extra := h.extra(open); extra > 0 {
		total += extra
		sum += extra * tops[levelOf(open.value/unit)]
	}
	if total <= 0 {
		return 0, false
	}
	return sum / total, true
}

// extra is the weight that the open tick would have.
func (h *histogram) extra(open openTick) float64 {
	switch {
	case open.weight == 0:
		return 0
	case len(h.weights) == 0:
		return float64(open.weight)
	}
	return float64(open.weight) * math.Exp2(min(float64(open.at-h.reference)/float64(h.halfLife), 1000))
}

// once weighs every sample as it is.
func once(uint8) float64 { return 1 }

// byLoad weighs a sample by its size: the load-adjusted histogram of Autopilot, h[k] = b[k]·Σ w·s[k].
func byLoad(level uint8) float64 { return tops[level] }
