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
	Message              string
}

// Largest gives, resource by resource, the largest target, never below the largest lower bound of any of the answers.
// A resource for which nobody has data is absent.
func Largest(estimates ...Estimate) size.Amounts {
	var out size.Amounts
	for _, e := range estimates {
		for _, a := range []size.Amounts{e.Target, e.Lower} {
			out.CPU = larger(out.CPU, a.CPU)
			out.Memory = larger(out.Memory, a.Memory)
		}
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
