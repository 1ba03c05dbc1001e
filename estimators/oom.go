package estimators

import (
	"fmt"
	"math"
	"time"

	"github.com/metapilot/metapilot/size"
)

// OOMName is the name of the OOM estimator.
const OOMName = "OOM"

// grid is what memory is rounded up to: fine enough for a small scheduler (1.6 % of 60 MiB), coarse enough to read.
const grid = size.MiB

// OOM answers an OOM kill with one big step. Its settings are those of v1alpha1.OOMEstimator, which states the defaults.
//
// The bump doubles with the level: with the defaults 50, 100, 200, 400 %, so that a component that needs 13 times its
// size (0.84 to 11.2 GB, which took Gardener's HVPA ten steps) is there after four: 1.5 · 2 · 3 · 5 = 45.
type OOM struct {
	BumpPercent    int64
	MaxBumpPercent int64
	MinBump        size.Bytes
	// FloorHalfLife is the half-life of the floor that an answer leaves; 0 means that it does not decay.
	FloorHalfLife time.Duration
}

// OOMInput is what the OOM estimator looks at.
type OOMInput struct {
	Now time.Time
	// Killed tells whether there is a kill to answer; without one only the floor speaks.
	Killed bool
	// Limit is the memory limit in force at the kill, Request the request, Peak the highest usage measured.
	Limit, Request, Peak size.Opt[size.Bytes]
	// Level is how often the bump is doubled: repeats and missed kills before this one.
	Level int
	// Floor is what an earlier answer left.
	Floor size.Opt[Floor]
}

// Estimate answers the kill, or says that there is none.
func (o OOM) Estimate(in OOMInput) Estimate {
	e := Estimate{Estimator: OOMName, Message: "no OOM kill to answer"}
	floor, floored := in.Floor.Get()
	if floored {
		at := floor.At(in.Now, o.FloorHalfLife)
		e.Lower.Memory = size.Of(at)
		e.Message = fmt.Sprintf("no OOM kill to answer; not below %s, the floor left by the kill at %s", at, floor.KilledAt)
	}
	if !in.Killed {
		return e
	}
	base, ok := larger(larger(in.Limit, in.Request), in.Peak).Get()
	if !ok {
		e.Message = "killed, but neither limit, request nor usage is known: nothing to grow from"
		return e
	}
	percent := o.bump(in.Level)
	target := size.Sum(base, max(Percent(base, percent), o.MinBump)).RoundUp(grid)
	e.Target.Memory = size.Of(target)
	e.Lower.Memory = larger(e.Lower.Memory, e.Target.Memory)
	e.Message = fmt.Sprintf("max(limit %s, request %s, peak %s) + %d%% (at least %s) = %s", in.Limit, in.Request, in.Peak, percent, o.MinBump, target)
	return e
}

func (o OOM) bump(level int) int64 {
	bump := o.BumpPercent
	for ; level > 0 && bump > 0 && bump < o.MaxBumpPercent; level-- {
		bump += min(bump, o.MaxBumpPercent-bump)
	}
	return min(bump, o.MaxBumpPercent)
}

// Floor is memory below which no estimator may go for a while, because at KilledAt the component was OOM-killed.
type Floor struct {
	Memory   size.Bytes
	KilledAt size.Bytes
	Since    time.Time
}

// At gives the floor at a time: it decays from Memory to KilledAt, half the way in each half-life, and never rises. It
// never falls below KilledAt, at which the component is known to die. A clock that went back gives Memory.
func (f Floor) At(now time.Time, halfLife time.Duration) size.Bytes {
	age := now.Sub(f.Since)
	if age <= 0 || halfLife <= 0 || f.Memory <= f.KilledAt {
		return max(f.Memory, f.KilledAt)
	}
	const whole = 1 << 30 // the share that is left is reckoned in parts of this, so that all else is exact
	left := size.Bytes(math.Ceil(math.Exp2(-float64(age)/float64(halfLife)) * whole))
	return min(size.Sum(f.KilledAt, size.Share(size.Sum(f.Memory, -f.KilledAt), left, whole)).RoundUp(grid), f.Memory)
}

// Percent gives percent of b, rounded down; the largest amount where that is too large to be written.
func Percent(b size.Bytes, percent int64) size.Bytes {
	return size.Share(b, size.Bytes(percent), 100)
}
