package estimators

import (
	"cmp"

	"github.com/metapilot/metapilot/size"
)

// Estimate is the answer of one estimator.
type Estimate struct {
	Estimator string
	// Lower, Target and Upper are ceilings of the container; absent where the estimator has no data.
	Lower, Target, Upper size.Amounts
	// Priority: a target overrides those of lower priorities.
	Priority int
	// Blind says why the estimator knows too little for the component to be made smaller; empty when it knows enough.
	Blind   string
	Message string
}

// Combined gives, resource by resource, the largest target of the highest priority that has one, never below the largest
// lower bound of any of the answers. A resource for which nobody has data is absent.
func Combined(estimates ...Estimate) size.Amounts {
	return size.Amounts{
		CPU:    combined(estimates, func(a size.Amounts) size.Opt[size.MilliCPU] { return a.CPU }),
		Memory: combined(estimates, func(a size.Amounts) size.Opt[size.Bytes] { return a.Memory }),
	}
}

func combined[T size.MilliCPU | size.Bytes](estimates []Estimate, of func(size.Amounts) size.Opt[T]) (out size.Opt[T]) {
	highest := 0
	for _, e := range estimates {
		target := of(e.Target)
		switch {
		case !target.Present():
		case !out.Present() || e.Priority > highest:
			out, highest = target, e.Priority
		case e.Priority == highest:
			out = larger(out, target)
		}
	}
	for _, e := range estimates {
		out = larger(out, of(e.Lower))
	}
	return out
}

func larger[T cmp.Ordered](a, b size.Opt[T]) size.Opt[T] {
	va, ok := a.Get()
	if !ok {
		return b
	}
	return size.Of(max(va, b.Or(va)))
}
