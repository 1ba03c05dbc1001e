package estimators

import (
	"fmt"
	"time"

	"github.com/metapilot/metapilot/size"
)

// ProfileName is the name of the profile estimator.
const ProfileName = "Profile"

// profileMaxAge is how old the newest sign of life of a profile may be. Its checkpoint is written about once an hour
// (profiles/recommender), so three hours are two that were missed.
const profileMaxAge = 3 * time.Hour

// Profile gives what a WorkloadProfile says that the container needs.
type Profile struct {
	// MinHistory is how much time the profile must have seen before it is followed downwards.
	MinHistory    time.Duration
	MarginPercent int64
	Priority      int
}

// ProfileInput is what is known of the profile. Amounts are those of one replica.
type ProfileInput struct {
	Now time.Time
	// Found: there is a profile, and it has the container.
	Found bool
	// Stale says why the profile's numbers are not those of the present; empty when they are.
	Stale string
	// Lower, Target and Upper are what the container needs: of CPU to request, of memory at most.
	Lower, Target, Upper size.Amounts
	// First and Last are the times of its first sample and of its newest sign of life.
	First, Last size.Opt[time.Time]
	// Size is the component's size.
	Size size.Size
}

// Estimate gives the profile's numbers as ceilings: memory is taken as the limit, since what is above it is killed; CPU as the
// request, and the limit keeps its proportion to it, since CPU above the request is only shared.
func (p Profile) Estimate(in ProfileInput) Estimate {
	e := Estimate{Estimator: ProfileName, Priority: p.Priority}
	if !in.Found || !in.Target.CPU.Present() && !in.Target.Memory.Present() {
		e.Blind = "the workload has no profile with numbers yet"
		e.Message = e.Blind
		return e
	}
	e.Lower, e.Target, e.Upper = p.ceilings(in.Lower, in.Size), p.ceilings(in.Target, in.Size), p.ceilings(in.Upper, in.Size)
	e.Blind = p.blind(in)
	e.Message = fmt.Sprintf("the profile says %s (lower %s) + %d%%", in.Target, in.Lower, p.MarginPercent)
	if e.Blind != "" {
		// What is old or short still tells what the component has needed: it may be followed upwards.
		e.Message += "; not followed downwards: " + e.Blind
	}
	return e
}

func (p Profile) blind(in ProfileInput) string {
	first, known := in.First.Get()
	last, alive := in.Last.Get()
	switch {
	case in.Stale != "":
		return in.Stale
	case !in.Target.CPU.Present():
		return "the profile knows nothing of cpu"
	case !in.Target.Memory.Present():
		return "the profile knows nothing of memory"
	case !alive || in.Now.Sub(last) > profileMaxAge:
		return fmt.Sprintf("the profile has shown no sign of life for %s: is the profile service running?", profileMaxAge)
	case !known || in.Now.Sub(first) < p.MinHistory:
		return fmt.Sprintf("the profile has seen less than %s (estimators[].profile.minHistorySeconds)", p.MinHistory)
	default:
		return ""
	}
}

func (p Profile) ceilings(a size.Amounts, sz size.Size) size.Amounts {
	var out size.Amounts
	if m, ok := a.Memory.Get(); ok {
		out.Memory = size.Of(size.Sum(m, Percent(m, p.MarginPercent)).RoundUp(grid))
	}
	if c, ok := a.CPU.Get(); ok {
		c = size.Sum(c, size.Share(c, size.MilliCPU(p.MarginPercent), 100))
		request, limit := sz.Requests.CPU.Or(0), sz.Limits.CPU.Or(0)
		if request > 0 && limit > request {
			c = size.Share(c, limit, request)
		}
		out.CPU = size.Of(max(c, 1))
	}
	return out
}
