package profiles

import (
	"math"

	"github.com/metapilot/metapilot/size"
)

// resource indexes what is kept per resource, so that each rule is written once.
type resource uint8

const (
	cpu resource = iota
	memory
	resources
)

// traits is how the resources differ.
type traits struct {
	name string
	// unit is the finest amount that is told apart from less: the first level. Millicores, bytes.
	unit float64
	// most is more than any machine has.
	most float64
	// tick is the seconds for which the histogram has one sample, the highest. A minute is metrics-server's usual step;
	// five minutes of memory is what Autopilot keeps a peak of (EuroSys 2020, section 3.1).
	tick int64
	// longest is the most ticks that one sample stands for, when the one before is longer ago: ten minutes, so that
	// history in steps of five minutes counts as much as live samples, and the end of an outage does not.
	longest float64
}

var resourceTraits = [resources]traits{
	cpu:    {name: "cpu", unit: 1, most: 1e7, tick: 60, longest: 10},
	memory: {name: "memory", unit: 2 << 20, most: 1 << 50, tick: 300, longest: 2},
}

func (r resource) String() string   { return resourceTraits[r].name }
func (r resource) unit() float64    { return resourceTraits[r].unit }
func (r resource) most() float64    { return resourceTraits[r].most }
func (r resource) tick() int64      { return resourceTraits[r].tick }
func (r resource) longest() float64 { return resourceTraits[r].longest }

// put writes a usage, rounded up.
func (r resource) put(to *size.Amounts, v float64) { r.set(to, r.round(v)) }

// set writes an amount, in millicores or bytes.
func (r resource) set(to *size.Amounts, v int64) {
	if r == cpu {
		to.CPU = size.Of(size.MilliCPU(v))
		return
	}
	to.Memory = size.Of(size.Bytes(v))
}

// of reads an amount, in millicores or bytes.
func (r resource) of(a size.Amounts) size.Opt[int64] {
	if v, ok := a.CPU.Get(); ok && r == cpu {
		return size.Of(int64(v))
	}
	if v, ok := a.Memory.Get(); ok && r == memory {
		return size.Of(int64(v))
	}
	return size.Opt[int64]{}
}

// round gives a usage in whole millicores or mebibytes, rounded up.
func (r resource) round(v float64) int64 {
	if r == cpu {
		return roundUp(v)
	}
	return int64(size.Bytes(roundUp(v)).RoundUp(size.MiB))
}

// format writes a usage for a person.
func (r resource) format(v float64) string {
	if r == cpu {
		return size.MilliCPU(r.round(v)).String()
	}
	return size.Bytes(r.round(v)).String()
}

// roundUp gives the next whole number. A sum of a few roundings of floats is no reason to go up by one.
func roundUp(v float64) int64 {
	if v >= math.MaxInt64/2 {
		return math.MaxInt64 / 2
	}
	return int64(math.Ceil(v * (1 - 1e-12)))
}
