package load

import (
	"fmt"
	"math"
	"sort"
	"time"
)

// Shape is how usage moves over time.
type Shape string

// The shapes.
const (
	Constant Shape = "Constant" // To
	Ramp     Shape = "Ramp"     // from From to To within Seconds, then To
	Daily    Shape = "Daily"    // From at midnight, To at noon, a sine between; starts at midnight
	Trace    Shape = "Trace"    // the points of a file, over and over
)

const daySeconds = 24 * 60 * 60

// Usage is what a container uses at one time.
type Usage struct {
	MilliCPU    int64 `json:"milliCPU"`
	MemoryBytes int64 `json:"memoryBytes"`
}

// Load is usage over time.
type Load struct {
	Shape Shape `json:"shape"`
	From  Usage `json:"from,omitzero"`
	To    Usage `json:"to,omitzero"`
	// Seconds is how long a ramp takes, in the load's time.
	Seconds int64 `json:"seconds,omitempty"`
	// TraceFile is the absolute path of a trace (see ReadTrace), on the machine the sandbox runs on.
	TraceFile string `json:"traceFile,omitempty"`
	// Compression is seconds of the load per second of the wall clock; 0 is 1.
	Compression float64 `json:"compression,omitempty"`
	// StartedAt is when the load's time is zero.
	StartedAt time.Time `json:"startedAt"`
}

// Validate says what is wrong with a load, in words of its user.
func (l Load) Validate() error {
	switch l.Shape {
	case Constant, Daily:
	case Ramp:
		if l.Seconds <= 0 {
			return fmt.Errorf("a ramp needs a duration above 0")
		}
	case Trace:
		if l.TraceFile == "" {
			return fmt.Errorf("a trace needs a file")
		}
	default:
		return fmt.Errorf("there is no load shape %q; there are Constant, Ramp, Daily, Trace", l.Shape)
	}
	if l.From.MilliCPU < 0 || l.From.MemoryBytes < 0 || l.To.MilliCPU < 0 || l.To.MemoryBytes < 0 {
		return fmt.Errorf("usage cannot be negative")
	}
	if l.Compression < 0 || math.IsNaN(l.Compression) || math.IsInf(l.Compression, 0) {
		return fmt.Errorf("the time compression is %v; it must be above 0", l.Compression)
	}
	return nil
}

// At returns the usage at a time of the wall clock. points are the trace's, for shape Trace; before the start the load is
// what it is at its start.
func (l Load) At(now time.Time, points []Point) Usage {
	compression := l.Compression
	if compression == 0 {
		compression = 1
	}
	seconds := max(0, now.Sub(l.StartedAt).Seconds()) * compression
	switch l.Shape {
	case Ramp:
		return between(l.From, l.To, math.Min(1, seconds/float64(l.Seconds)))
	case Daily:
		return between(l.From, l.To, (1-math.Cos(2*math.Pi*seconds/daySeconds))/2)
	case Trace:
		return at(points, seconds)
	default:
		return l.To
	}
}

// between is the share (0 to 1) of the way from a to b.
func between(a, b Usage, share float64) Usage {
	mix := func(x, y int64) int64 { return x + int64(math.Round(float64(y-x)*share)) }
	return Usage{MilliCPU: mix(a.MilliCPU, b.MilliCPU), MemoryBytes: mix(a.MemoryBytes, b.MemoryBytes)}
}

// at returns the last point not after the time, the trace being repeated without end. A point holds until the next; the last
// one for as long as the one before it did.
func at(points []Point, seconds float64) Usage {
	if len(points) == 0 {
		return Usage{}
	}
	if len(points) == 1 {
		return points[0].Usage
	}
	first, last := points[0].Seconds, points[len(points)-1].Seconds
	length := last - first + (last - points[len(points)-2].Seconds)
	seconds = first + math.Mod(seconds, length)
	next := sort.Search(len(points), func(i int) bool { return points[i].Seconds > seconds })
	return points[max(0, next-1)].Usage
}
