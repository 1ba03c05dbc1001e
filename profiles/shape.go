package profiles

import (
	"slices"
	"time"
)

// Shape is what the usage of the hours kept looks like: a hint for people, which decides nothing.
type Shape string

// The shapes.
const (
	// ShapeUnknown: less than a day is known.
	ShapeUnknown Shape = "Unknown"
	// ShapeIdle: hardly any CPU in a week; the tenant may be gone.
	ShapeIdle Shape = "Idle"
	// ShapeGrowing: memory rises from day to day.
	ShapeGrowing Shape = "Growing"
	// ShapeDaily and ShapeWeekly: CPU or memory repeats itself.
	ShapeDaily  Shape = "Daily"
	ShapeWeekly Shape = "Weekly"
	// ShapeSpiky: the peak is far above the usual hour.
	ShapeSpiky Shape = "Spiky"
	// ShapeSteady: none of these.
	ShapeSteady Shape = "Steady"
)

const (
	// idle is the CPU, in millicores, that no hour of an idle container's week exceeds.
	idle = 5
	// spiky is how many times the median of the hours the highest is.
	spiky = 2
)

// shapes is all of them.
var shapes = []Shape{ShapeUnknown, ShapeIdle, ShapeGrowing, ShapeDaily, ShapeWeekly, ShapeSpiky, ShapeSteady}

// shape gives the shape, worked out anew where an hour has changed.
func (s *State) shape() Shape {
	w := s.workedOut()
	if w.shape == 0 {
		w.shape = uint8(1 + slices.Index(shapes, s.workOutShape()))
	}
	return shapes[w.shape-1]
}

// workOutShape looks at memory for growth, and at both for the rest; the first that fits is the answer.
func (s *State) workOutShape() Shape {
	if s.confidence() < 100/busyDays {
		return ShapeUnknown
	}
	if peak, known := s.use[cpu].peak(cpu, week); known >= 6*day && peak <= idle {
		return ShapeIdle
	}
	if _, _, rising := s.use[memory].slope(memory); rising {
		return ShapeGrowing
	}
	settings := DefaultSeasonal()
	for r := range resources {
		u := &s.use[r]
		peak, known := u.peak(r, hoursKept)
		if known < day {
			continue
		}
		if f := settings.best(time.Unix(int64(s.last), 0), r, s, peak); f.relied {
			return f.shape
		}
	}
	for r := range resources {
		if s.use[r].hours.median()*spiky < s.use[r].top/r.unit() {
			return ShapeSpiky
		}
	}
	return ShapeSteady
}
