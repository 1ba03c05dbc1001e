package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/size"
)

// minBurstableGap is how far a Burstable container's request is kept below its limit where it was below it before, so
// that rounding never makes the two equal and the pod Guaranteed.
const minBurstableGap = size.MiB

// proposal is a size before the gates.
type proposal struct {
	want, to size.Size
	// held says why nothing larger is possible; empty when to is larger.
	held    decision.Reason
	message string
	// atMaximum: memory is wanted, and none can be had.
	atMaximum bool
	// cut says what cut the wanted size.
	cut []string
}

func (p proposal) note() string {
	if len(p.cut) == 0 {
		return ""
	}
	return " (cut to " + strings.Join(p.cut, " and ") + ")"
}

// estimate asks every estimator.
func estimate(s Snapshot, d Demand, level int) []estimators.Estimate {
	in := estimators.OOMInput{Now: s.Now, Floor: s.History.Floor, Peak: s.Peak.Memory, Level: level}
	if d.Kind == DemandOOM {
		in.Killed = true
		in.Limit, in.Request = s.Workload.Size.Limits.Memory, s.Workload.Size.Requests.Memory
		for _, k := range d.Kills {
			if l, ok := k.Limit.Get(); ok && l > in.Limit.Or(0) {
				in.Limit = k.Limit
			}
		}
	}
	answer := s.Settings.OOM.Estimate(in)
	answer.Priority = s.Settings.OOMPriority
	out := []estimators.Estimate{answer}
	if p, ok := s.Settings.Profile.Get(); ok {
		known := s.Profile
		known.Now, known.Size = s.Now, s.Workload.Size
		out = append(out, p.Estimate(known))
	}
	if u, ok := s.Settings.Utilization.Get(); ok {
		out = append(out, u.Estimate(s.known()))
	}
	return out
}

func propose(s Snapshot, d Demand, estimates []estimators.Estimate) proposal {
	from := s.Workload.Size
	if d.Down() {
		return proposeLess(s, d, estimates)
	}
	if d.Kind == DemandNodeOOM {
		p := proposeRequest(s)
		if p.held == "" || belowMinimum(from.Ceiling(), s.Settings.Min) == "" {
			return p
		}
		// The kill cannot be answered; the minimum can be kept.
	}
	ceiling, wanted := from.Ceiling(), estimators.Combined(estimates...)
	if d.Kind == DemandHighUse {
		wanted = calmStep(wanted, ceiling, s.Settings.UpMaxStepPercent, d)
	}
	if watched, ok := s.History.Watched.Get(); ok && d.Urgent() {
		wanted = estimators.Combined(estimators.Estimate{Target: wanted}, estimators.Estimate{Lower: watched.From.Ceiling()})
	}
	want := amounts{memory: atLeast(wanted.Memory, s.Settings.Min.Memory, ceiling.Memory), cpu: atLeast(wanted.CPU, s.Settings.Min.CPU, ceiling.CPU)}
	p := proposal{want: want.of(from), to: from}
	p.bound(s, want)
	if p.to == from && p.held == "" {
		p.held, p.message = decision.ReasonNoLimit, d.Message+"; nothing is known to grow from"
	}
	if before, after := s.Workload.qosWith(from), s.Workload.qosWith(p.to); before != after {
		p.held, p.message = decision.ReasonQOSClassWouldChange, fmt.Sprintf("%s; %s would make the pod %s instead of %s, which a resize may not: keep requests and limits apart, or equal, as they are",
			d.Message, change(from, p.to), after, before)
	}
	return p
}

// amounts are ceilings that are wanted; absent where the container keeps what it has.
type amounts struct {
	memory size.Opt[size.Bytes]
	cpu    size.Opt[size.MilliCPU]
}

// of gives the size that has these ceilings, always reckoned from the size before: requests follow in proportion to
// what they are, however often a wish is cut.
func (a amounts) of(from size.Size) size.Size {
	if m, ok := a.memory.Get(); ok {
		from = withMemory(from, m)
	}
	if c, ok := a.cpu.Get(); ok {
		from = withCPU(from, c)
	}
	return from
}

// atLeast gives what to set a ceiling to: the larger of what is wanted and the minimum, where it is above what there is.
// A container without a ceiling is given none.
func atLeast[T size.MilliCPU | size.Bytes](wanted, minimum, have size.Opt[T]) size.Opt[T] {
	h, ok := have.Get()
	if w := max(wanted.Or(h), minimum.Or(h)); ok && w > h {
		return size.Of(w)
	}
	return size.Opt[T]{}
}

// atMost cuts what is wanted to the maximum, but never below what there is: then nothing is wanted.
func atMost[T size.MilliCPU | size.Bytes](wanted, maximum, have size.Opt[T]) (cut size.Opt[T], isCut bool) {
	w, wants := wanted.Get()
	m, bounded := maximum.Get()
	switch {
	case !wants || !bounded || w <= m:
		return wanted, false
	case m > have.Or(m):
		return maximum, true
	default:
		return size.Opt[T]{}, true
	}
}

// bound cuts the wish to the maximum and to the largest node, and proposes what is left of it.
func (p *proposal) bound(s Snapshot, want amounts) {
	from := s.Workload.Size
	ceiling, wantsMemory := from.Ceiling(), want.memory.Present()
	var isCut bool
	if want.memory, isCut = atMost(want.memory, s.Settings.Max.Memory, ceiling.Memory); isCut {
		p.cut = append(p.cut, fmt.Sprintf("bounds.max.memory %s", s.Settings.Max.Memory))
	}
	if want.cpu, isCut = atMost(want.cpu, s.Settings.Max.CPU, ceiling.CPU); isCut {
		p.cut = append(p.cut, fmt.Sprintf("bounds.max.cpu %s", s.Settings.Max.CPU))
	}
	p.to = want.of(from)
	if p.to == from && len(p.cut) > 0 {
		p.held = decision.ReasonAtMaximum
		p.message = fmt.Sprintf("needs more than %s: raise it, or lower the load", strings.Join(p.cut, " and "))
	}
	if p.to != from {
		p.fitNode(s, want)
	}
	p.atMaximum = wantsMemory && p.to.Ceiling().Memory == ceiling.Memory
}

// proposeRequest answers a kill that was the node's: a larger request makes the kernel prefer other victims and the
// scheduler keep more room; the limit was not the cause and stays.
func proposeRequest(s Snapshot) proposal {
	from := s.Workload.Size
	p := proposal{want: from, to: from, held: decision.ReasonNodeOutOfMemory}
	request, ok := from.Claim().Memory.Get()
	if !ok {
		p.message = "the node ran out of memory and the container requests none: set a memory request in the workload"
		return p
	}
	grown := max(size.Sum(request, estimators.Percent(request, s.Settings.OOM.BumpPercent)), s.Peak.Memory.Or(0)).RoundUp(size.MiB)
	limit, limited := from.Limits.Memory.Get()
	p.want = withRequest(from, max(request, min(grown, from.Limits.Memory.Or(grown))))
	if m, bounded := s.Settings.Max.Memory.Get(); bounded && !limited && grown > m {
		grown = m
		p.cut = append(p.cut, fmt.Sprintf("bounds.max.memory %s", m))
	}
	if limited && grown >= limit {
		grown = limit
		if want := withRequest(from, grown); s.Workload.qosWith(want) != s.Workload.qosWith(from) {
			grown = limit - minBurstableGap
		}
	}
	want := withRequest(from, grown)
	room := roomFor(s, from.Claim().CPU.Or(0))
	switch {
	case grown <= request && len(p.cut) > 0:
		p.held = decision.ReasonAtMaximum
		p.message = fmt.Sprintf("the node ran out of memory and the request may not grow above %s: raise it, or move the pod", strings.Join(p.cut, " and "))
	case grown <= request || s.Workload.qosWith(want) != s.Workload.qosWith(from):
		p.message = "the node ran out of memory and the request cannot grow without the limit: move the pod, or free memory on its node"
	case room.known && !room.fits(grown):
		p.held, p.message = decision.ReasonFitsNoNode, fmt.Sprintf("a request of %s fits no node (room for %s): move the pod or add larger nodes", grown, max(room.memory, 0))
	default:
		p.to, p.held = want, ""
	}
	return p
}

func withRequest(from size.Size, request size.Bytes) size.Size {
	from.Requests.Memory = size.Of(request)
	return from
}

// withMemory sets the ceiling to m; the request follows in proportion, equal where it was equal, below where it was below.
func withMemory(from size.Size, m size.Bytes) size.Size {
	from.Limits.Memory, from.Requests.Memory = scaled(from.Limits.Memory, from.Requests.Memory, m, size.MiB, minBurstableGap)
	return from
}

// withCPU is withMemory for CPU.
func withCPU(from size.Size, c size.MilliCPU) size.Size {
	from.Limits.CPU, from.Requests.CPU = scaled(from.Limits.CPU, from.Requests.CPU, c, 1, 1)
	return from
}

// scaled gives limit and request at a new ceiling, which is not below the one before. step is what the request is
// rounded down to, gap what keeps a smaller request below the limit.
func scaled[T size.MilliCPU | size.Bytes](limit, request size.Opt[T], to, step, gap T) (newLimit, newRequest size.Opt[T]) {
	l, limited := limit.Get()
	r, requested := request.Get()
	switch {
	case !limited && !requested:
		return limit, request
	case !limited:
		return limit, size.Of(to)
	case !requested:
		return size.Of(to), request
	case r >= l:
		return size.Of(to), size.Of(max(r, to))
	default:
		proportion := size.Share(r, to, l) / step * step
		return size.Of(to), size.Of(max(r, min(proportion, to-gap)))
	}
}

// qosWith gives the pod's class when the container has this size.
func (w Workload) qosWith(main size.Size) size.QOSClass {
	return size.QOSOf(slices.Concat([]size.Size{main}, w.Others, w.Init)...)
}
