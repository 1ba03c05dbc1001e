package plan

import (
	"fmt"

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
	held      decision.Reason
	message   string
	atMaximum bool
	// capped says what cut the wanted size; empty when nothing did.
	capped string
}

func (p proposal) note() string {
	if p.capped == "" {
		return ""
	}
	return " (cut to " + p.capped + ")"
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
	return []estimators.Estimate{s.Settings.OOM.Estimate(in)}
}

func propose(s Snapshot, d Demand, estimates []estimators.Estimate) proposal {
	if d.Kind == DemandNodeOOM {
		return proposeRequest(s)
	}
	from := s.Workload.Size
	ceiling := from.Ceiling()
	wanted := estimators.Largest(estimates...)
	want := from
	if m, ok := atLeast(wanted.Memory, s.Settings.Min.Memory, ceiling.Memory); ok {
		want = withMemory(want, m)
	}
	if c, ok := atLeast(size.Opt[size.MilliCPU]{}, s.Settings.Min.CPU, ceiling.CPU); ok {
		want = withCPU(want, c)
	}
	p := proposal{want: want, to: want}
	p.capAt(s)
	if p.to == from && p.held == "" {
		p.held, p.message = decision.ReasonNoLimit, fmt.Sprintf("%s; nothing is known to grow from", d.Message)
	}
	if p.to != from && qos(p.to, s.Workload.Others) != qos(from, s.Workload.Others) {
		p.held, p.message = decision.ReasonQOSClassWouldChange, fmt.Sprintf("%s; %s would make the pod %s instead of %s, which a resize may not: keep requests and limits apart, or equal, as they are",
			d.Message, change(from, p.to), qos(p.to, s.Workload.Others), qos(from, s.Workload.Others))
	}
	return p
}

// atLeast gives what to set a ceiling to: the larger of what is wanted and the minimum, where it is above what there is.
// A container without a ceiling is given none.
func atLeast[T size.MilliCPU | size.Bytes](wanted, minimum, have size.Opt[T]) (T, bool) {
	h, ok := have.Get()
	if !ok {
		return 0, false
	}
	w := max(wanted.Or(0), minimum.Or(0))
	return w, w > h
}

// capAt cuts the proposal to the maximum and to the largest node.
func (p *proposal) capAt(s Snapshot) {
	from := s.Workload.Size
	if m, ok := s.Settings.Max.Memory.Get(); ok && p.to.Ceiling().Memory.Or(0) > m {
		p.to, p.capped = withMemory(p.to, max(m, from.Ceiling().Memory.Or(0))), fmt.Sprintf("bounds.max.memory %s", m)
	}
	if c, ok := s.Settings.Max.CPU.Get(); ok && p.to.Ceiling().CPU.Or(0) > c {
		p.to, p.capped = withCPU(p.to, max(c, from.Ceiling().CPU.Or(0))), fmt.Sprintf("bounds.max.cpu %s", c)
	}
	if p.capped != "" && p.to == from {
		p.held, p.atMaximum = decision.ReasonAtMaximum, true
		p.message = fmt.Sprintf("needs more than %s: raise it, or lower the load", p.capped)
		return
	}
	p.fitNode(s)
}

// fitNode cuts the proposal's memory to what the largest node can hold. Without a known node nothing is cut.
func (p *proposal) fitNode(s Snapshot) {
	from := s.Workload.Size
	room, known := largestRoom(s.Nodes, s.Workload.Others, p.to.Requests.CPU.Or(0))
	request := p.to.Requests.Memory.Or(0)
	if !known || request <= room {
		return
	}
	p.capped = fmt.Sprintf("the largest node, which has room for a request of %s", room)
	fitted := from
	if limit, ok := p.to.Limits.Memory.Get(); ok && request > 0 {
		fitted = withMemory(p.to, size.Bytes(float64(limit)*float64(room)/float64(request))/size.MiB*size.MiB)
	} else if room > from.Requests.Memory.Or(0) {
		fitted = withMemory(p.to, room)
	}
	if fitted.Ceiling().Memory.Or(0) > from.Ceiling().Memory.Or(0) && fitted.Requests.Memory.Or(0) <= room {
		p.to = fitted
		return
	}
	p.to, p.held, p.atMaximum = from, decision.ReasonFitsNoNode, true
	p.message = fmt.Sprintf("needs a request of %s, but the largest node has room for %s: add larger nodes, or lower the load", request, room)
}

// largestRoom is the most memory that the container could request on any node on which its CPU request fits too.
func largestRoom(nodes []Node, others []size.Size, cpu size.MilliCPU) (room size.Bytes, known bool) {
	var otherCPU size.MilliCPU
	var otherMemory size.Bytes
	for _, o := range others {
		otherCPU += o.Requests.CPU.Or(0)
		otherMemory += o.Requests.Memory.Or(0)
	}
	for _, n := range nodes {
		known = true
		if n.CPU >= cpu+otherCPU {
			room = max(room, n.Memory-otherMemory)
		}
	}
	return room, known
}

// proposeRequest answers a kill that was the node's: a larger request makes the kernel prefer other victims and the
// scheduler keep more room; the limit was not the cause and stays.
func proposeRequest(s Snapshot) proposal {
	from := s.Workload.Size
	p := proposal{want: from, to: from, held: decision.ReasonNodeOutOfMemory}
	request, ok := from.Requests.Memory.Get()
	if !ok {
		p.message = "the node ran out of memory and the container requests none: set a memory request in the workload"
		return p
	}
	grown := max(request+request*size.Bytes(s.Settings.OOM.BumpPercent)/100, s.Peak.Memory.Or(0)).RoundUp(size.MiB)
	if limit, limited := from.Limits.Memory.Get(); limited {
		grown = min(grown, limit)
	}
	want := from
	want.Requests.Memory = size.Of(grown)
	p.want = want
	if room, known := largestRoom(s.Nodes, s.Workload.Others, from.Requests.CPU.Or(0)); known && grown > room {
		p.held, p.message = decision.ReasonFitsNoNode, fmt.Sprintf("a request of %s fits no node (room for %s): move the pod or add larger nodes", grown, room)
		return p
	}
	if grown <= request || qos(want, s.Workload.Others) != qos(from, s.Workload.Others) {
		p.message = "the node ran out of memory and the request cannot grow without the limit: move the pod, or free memory on its node"
		return p
	}
	p.to, p.held = want, ""
	return p
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

// scaled gives limit and request at a new ceiling. step is what the request is rounded up to, gap what keeps a smaller
// request below the limit.
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
		return size.Of(to), size.Of(to)
	default:
		proportion := T(float64(r)*float64(to)/float64(l)) / step * step
		return size.Of(to), size.Of(max(min(proportion, to-gap), min(r, to-gap)))
	}
}

func qos(main size.Size, others []size.Size) size.QOSClass {
	return size.QOSOf(append([]size.Size{main}, others...)...)
}
