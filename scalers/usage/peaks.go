package usage

import (
	"time"

	"github.com/metapilot/metapilot/size"
)

// peakSlots is the number of parts of the window: a peak is forgotten one twelfth of the window late at most.
const peakSlots = 12

// peaks are the highest memory usages of a window, one per part of it; 0 is none, since a usage of 0 is not data. One
// more slot than parts, so that the window is always covered.
type peaks struct {
	highest [peakSlots + 1]size.Bytes
	newest  int64 // the part of time, counted from 1970, that was written last
}

// partOf gives the number of the part of time in which t lies.
func partOf(t time.Time, window time.Duration) int64 {
	return t.UnixNano() / int64(max(window/peakSlots, 1))
}

// add notes a usage. One older than the window is ignored.
func (p *peaks) add(t time.Time, used size.Bytes, window time.Duration) {
	part := partOf(t, window)
	if p.newest-part >= int64(len(p.highest)) {
		return
	}
	if part-p.newest >= int64(len(p.highest)) {
		*p = peaks{newest: part}
	}
	for p.newest < part {
		p.newest++
		p.highest[p.newest%int64(len(p.highest))] = 0
	}
	slot := &p.highest[part%int64(len(p.highest))]
	*slot = max(*slot, used)
}

// peak gives the highest usage in the window that ends now.
func (p *peaks) peak(now time.Time, window time.Duration) size.Opt[size.Bytes] {
	oldest := partOf(now, window) - peakSlots
	var highest size.Bytes
	for part := max(oldest, p.newest-peakSlots, 0); part <= p.newest; part++ {
		highest = max(highest, p.highest[part%int64(len(p.highest))])
	}
	if highest == 0 {
		return size.Opt[size.Bytes]{}
	}
	return size.Of(highest)
}
