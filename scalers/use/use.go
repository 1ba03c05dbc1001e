package use

import (
	"time"

	"github.com/metapilot/metapilot/size"
)

// gapPart is the part of the window for which a gap between two measurements may last. It also covers a restart of
// Metapilot: what a status says was seen last is written once in such a part.
const gapPart = 8

// Share is a share of a container's limit, or of its request.
type Share struct {
	Percent   int64
	OfRequest bool
}

// Amount gives the share as an amount; absent where the container has neither limit nor request.
func (s Share) Amount(request, limit size.Opt[int64]) size.Opt[int64] {
	whole, other := limit, request
	if s.OfRequest {
		whole, other = other, whole
	}
	if !whole.Present() {
		whole = other
	}
	w, ok := whole.Get()
	if !ok || w <= 0 {
		return size.Opt[int64]{}
	}
	return size.Of(int64(size.Share(size.Bytes(w), size.Bytes(s.Percent), 100)))
}

// Settings are those of one resource.
type Settings struct {
	// High: above it use is high, after For. Absent: never.
	High size.Opt[Share]
	For  time.Duration
	// Low: below it use is low, after Window. Absent: never.
	Low    size.Opt[Share]
	Window time.Duration
}

// MaxGap is the longest gap between two measurements of a window.
func (s Settings) MaxGap() time.Duration { return s.Window / gapPart }

// Lasts tells whether use has been low for long enough to speak of it: half of the longest gap. Use that crosses the share
// again and again is not worth a word each time.
func (s Settings) Lasts(t Track) bool {
	began, ok := t.LowSince.Get()
	return ok && t.SeenAt.Sub(began) >= s.MaxGap()/2
}

// Thresholds are the shares of a size as amounts.
type Thresholds struct {
	High, Low size.Opt[int64]
}

// Thresholds gives the amounts that apply to a size.
func (s Settings) Thresholds(request, limit size.Opt[int64]) Thresholds {
	var t Thresholds
	if high, ok := s.High.Get(); ok {
		t.High = high.Amount(request, limit)
	}
	if low, ok := s.Low.Get(); ok {
		t.Low = low.Amount(request, limit)
	}
	return t
}

// Track is what is known of the use of one resource. The zero Track knows nothing.
type Track struct {
	// Latest is the newest measurement, SeenAt when the source measured it.
	Latest size.Opt[int64]
	SeenAt time.Time
	// HighSince and LowSince are the first measurements of the stretches in which every one was high, or low.
	HighSince, LowSince size.Opt[time.Time]
	// Peak is the highest measurement since LowSince.
	Peak size.Opt[int64]
}

// See takes a measurement, judged by the thresholds in force. One that is not newer than the last changes nothing.
func (t Track) See(amount int64, at time.Time, limits Thresholds, maxGap time.Duration) Track {
	if !at.After(t.SeenAt) {
		return t
	}
	if at.Sub(t.SeenAt) > maxGap {
		t.HighSince, t.LowSince, t.Peak = size.Opt[time.Time]{}, size.Opt[time.Time]{}, size.Opt[int64]{}
	}
	t.Latest, t.SeenAt = size.Of(amount), at
	high, hasHigh := limits.High.Get()
	t.HighSince = since(t.HighSince, at, hasHigh && amount > high)
	low, hasLow := limits.Low.Get()
	isLow := hasLow && amount < low
	t.LowSince = since(t.LowSince, at, isLow)
	if isLow {
		t.Peak = size.Of(max(t.Peak.Or(amount), amount))
	} else {
		t.Peak = size.Opt[int64]{}
	}
	return t
}

func since(began size.Opt[time.Time], at time.Time, holds bool) size.Opt[time.Time] {
	switch {
	case !holds:
		return size.Opt[time.Time]{}
	case began.Present():
		return began
	default:
		return size.Of(at)
	}
}

// Level is what use amounts to.
type Level string

const (
	// LevelUnknown: not measured, or not lately.
	LevelUnknown Level = "Unknown"
	// LevelHigh: above the share for as long as was asked.
	LevelHigh Level = "High"
	// LevelLow: below the share for the whole window.
	LevelLow Level = "Low"
	// LevelObserving: below the share, but not yet for the whole window.
	LevelObserving Level = "Observing"
	// LevelBetween: neither.
	LevelBetween Level = "Between"
)

// Judge says what a track amounts to. maxAge is the age from which a measurement says nothing of the present.
func (s Settings) Judge(t Track, now time.Time, maxAge time.Duration) Level {
	switch age := now.Sub(t.SeenAt); {
	case !t.Latest.Present() || age > maxAge || age < -maxAge:
		return LevelUnknown
	case t.HighSince.Present() && t.SeenAt.Sub(t.HighSince.Or(t.SeenAt)) >= s.For:
		return LevelHigh
	case t.LowSince.Present() && t.SeenAt.Sub(t.LowSince.Or(t.SeenAt)) >= s.Window:
		return LevelLow
	case t.LowSince.Present():
		return LevelObserving
	default:
		return LevelBetween
	}
}
