package profiles

// usage is what is kept of one resource.
type usage struct {
	hours  hours
	levels histogram
	open   openTick
	// top is the highest usage of the hours kept, exactly; peaks of hours are rounded up to a level.
	top     float64
	topHour int64
}

// openTick is the sample that is still being made: the highest of all replicas in one tick. It is added to the histogram
// when a newer tick begins.
type openTick struct {
	at     int64 // where it begins, in unix seconds
	value  float64
	weight float32 // how many ticks it stands for; 0: there is none
}

// add takes a usage that has been judged. It tells whether an hour's peak or the highest usage has changed.
func (u *usage) add(r resource, at int64, v float64) (_ Verdict, changed bool) {
	h := at / hour
	if h <= u.hours.newest-hoursKept {
		return TooOld, false
	}
	if h > u.hours.newest && u.topHour <= h-hoursKept {
		u.top = 0
	}
	switch {
	case v > u.top:
		u.top, u.topHour, changed = v, h, true
	case v == u.top:
		u.topHour = max(u.topHour, h)
	}
	if v > tops[u.hours.at(h)]*r.unit() || u.hours.at(h) == 0 {
		u.hours.raise(h, levelOf(v/r.unit()))
		changed = true
	}
	tick := at - at%r.tick()
	switch {
	case u.open.weight == 0:
		u.open = openTick{at: tick, value: v, weight: 1}
	case tick == u.open.at:
		u.open.value = max(u.open.value, v)
	case tick < u.open.at:
		return Late, changed
	default:
		u.levels.add(levelOf(u.open.value/r.unit()), float64(u.open.weight), u.open.at)
		ticks := float64((tick - u.open.at) / r.tick())
		u.open = openTick{at: tick, value: v, weight: float32(min(ticks, r.longest()))}
	}
	return Taken, changed
}

// peak gives the highest usage of the latest n hours with a sample, and how many of these are known. It is exact unless
// the highest of all came before them.
func (u *usage) peak(r resource, n int64) (v float64, known int) {
	level, known := u.hours.peak(n)
	if known == 0 {
		return 0, 0
	}
	if level == topLevel || level == levelOf(u.top/r.unit()) {
		return u.top, known
	}
	return tops[level] * r.unit(), known
}

// share gives the usage at or below which lies a share of all samples, each weighed by factor as well.
func (u *usage) share(r resource, share float64, factor func(uint8) float64) (float64, bool) {
	level := u.levels.level(share, u.open, r.unit(), factor)
	return r.amount(level, u.top), level > 0
}

// amount reads a level. What is beyond the levels is the most that was ever seen.
func (r resource) amount(level uint8, top float64) float64 {
	switch level {
	case 0:
		return 0
	case topLevel:
		return max(top, tops[topLevel]*r.unit())
	default:
		return tops[level] * r.unit()
	}
}
