package profiles

const (
	// killsKept is how many kills are remembered: those that held the most.
	killsKept = 4
	// killRemembered is for how many seconds a kill keeps the memory up: two weeks, so that a weekly storm kills once
	// and not every week. VPA's memory of one fades within three or four days.
	killRemembered = 14 * 24 * hour
	// killBump is how much more than what was held at a kill is needed at least: VPA's --oom-bump-up-ratio, 1.2.
	killBump = 1.2
	// killMinBump is the least that is added: 32 MiB. VPA's --oom-min-bump-up-bytes is 100 MiB, which is more than a
	// small scheduler uses in all.
	killMinBump = 32 << 20
)

// kills is the OOM kills that held the most memory.
type kills [killsKept]kill

type kill struct {
	at   int64 // unix seconds; 0: none
	held int64
}

// add takes a kill, and tells whether it is a new one.
func (k *kills) add(at, held int64) bool {
	entry := &k[0]
	for i := range k {
		if k[i].at == at {
			k[i].held = max(k[i].held, held)
			return false
		}
		if k[i].weaker(*entry, at) {
			entry = &k[i]
		}
	}
	if entry.at == 0 || entry.at <= at-killRemembered || entry.held <= held {
		*entry = kill{at: at, held: held}
	}
	return true
}

// weaker tells whether this entry is given up before another.
func (k kill) weaker(other kill, now int64) bool {
	over, otherOver := k.at <= now-killRemembered, other.at <= now-killRemembered
	if over != otherOver {
		return over
	}
	return k.held < other.held
}

// worst gives the kill that held the most among those remembered at a time; false where there is none.
func (k *kills) worst(now int64) (kill, bool) {
	var worst kill
	for _, entry := range k {
		if entry.at > now-killRemembered && entry.held > worst.held {
			worst = entry
		}
	}
	return worst, worst.held > 0
}

// latest gives the time of the latest kill that is kept, 0 where there is none.
func (k *kills) latest() int64 {
	var at int64
	for _, entry := range k {
		at = max(at, entry.at)
	}
	return at
}

// need is the memory below which the container would be killed again.
func (k kill) need() float64 {
	return max(float64(k.held)*killBump, float64(k.held)+killMinBump)
}
