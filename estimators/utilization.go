package estimators

import (
	"fmt"

	"github.com/metapilot/metapilot/size"
)

// UtilizationName is the name of the utilization estimator.
const UtilizationName = "Utilization"

// Utilization gives the ceiling of which the use seen would be a target percent.
type Utilization struct {
	TargetPercent int64
	Priority      int
}

// Estimate answers a use: the highest that is known of the time that matters. An absent amount has no answer.
func (u Utilization) Estimate(use size.Amounts) Estimate {
	e := Estimate{Estimator: UtilizationName, Priority: u.Priority}
	percent := max(u.TargetPercent, 1)
	if m, ok := use.Memory.Get(); ok {
		e.Target.Memory = size.Of(max(size.Share(m, 100, size.Bytes(percent)), size.MiB).RoundUp(grid))
	}
	if c, ok := use.CPU.Get(); ok {
		e.Target.CPU = size.Of(max(size.Share(c, 100, size.MilliCPU(percent)), 1))
	}
	switch {
	case !use.Memory.Present() && !use.CPU.Present():
		e.Blind = "use is not known"
		e.Message = e.Blind
	default:
		e.Message = fmt.Sprintf("the use of %s would be %d%%", use, u.TargetPercent)
	}
	return e
}
