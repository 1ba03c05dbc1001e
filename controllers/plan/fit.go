package plan

import (
	"fmt"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/size"
)

// room is what the container could request on the nodes.
type room struct {
	// known: a node is known. cpu: one has room for the CPU request. memory: the most that such a node has room for.
	// Negative where not even the pod's other containers fit.
	known, cpu bool
	memory     size.Bytes
}

// fits tells whether a memory request fits the room.
func (r room) fits(memory size.Bytes) bool { return r.cpu && max(memory, 0) <= r.memory }

// roomFor gives the room that the nodes have for a container with this CPU request, besides the pod's other containers.
func roomFor(s Snapshot, cpu size.MilliCPU) room {
	others := size.Size{}.Claim()
	for _, o := range s.Workload.Others {
		others.CPU = size.Of(size.Sum(others.CPU.Or(0), max(o.Claim().CPU.Or(0), 0)))
		others.Memory = size.Of(size.Sum(others.Memory.Or(0), max(o.Claim().Memory.Or(0), 0)))
	}
	r := room{known: len(s.Nodes) > 0}
	for _, n := range s.Nodes {
		if n.CPU >= size.Sum(max(cpu, 0), others.CPU.Or(0)) {
			left := size.Sum(n.Memory, -others.Memory.Or(0))
			if !r.cpu || left > r.memory {
				r.cpu, r.memory = true, left
			}
		}
	}
	return r
}

// fitNode cuts the proposal to what the largest node can hold: first the CPU that it adds, for memory is what is urgent,
// then memory. Without a known node nothing is cut.
func (p *proposal) fitNode(s Snapshot, want amounts) {
	from := s.Workload.Size
	r := roomFor(s, p.to.Claim().CPU.Or(0))
	if !r.known {
		return
	}
	if want.cpu.Present() && !r.fits(p.to.Claim().Memory.Or(0)) {
		p.cut = append(p.cut, fmt.Sprintf("the cpu there is, since no node has room for %s of it", p.to.Claim().CPU))
		want.cpu = size.Opt[size.MilliCPU]{}
		p.to = want.of(from)
		r = roomFor(s, p.to.Claim().CPU.Or(0))
	}
	request := p.to.Claim().Memory.Or(0)
	if r.fits(request) && p.to != from {
		return
	}
	if fitted := shrunk(from, want, r); r.cpu && fitted != from {
		p.cut = append(p.cut, fmt.Sprintf("the largest node, which has room for a request of %s", r.memory))
		p.to = fitted
		return
	}
	p.to, p.held = from, decision.ReasonFitsNoNode
	p.message = fmt.Sprintf("needs a request of %s, but the largest node has room for %s: add larger nodes, or lower the load", request, max(r.memory, 0))
	if !r.cpu || p.to.Claim().CPU != p.want.Claim().CPU {
		p.message = fmt.Sprintf("needs a request of cpu %s, memory %s, which fits no node: add larger nodes, or lower the load", p.want.Claim().CPU, p.want.Claim().Memory)
	}
}

// shrunk cuts the wanted memory so that its request fits the room: in proportion, as the request follows the limit in
// proportion. It gives the size before where nothing larger fits.
func shrunk(from size.Size, want amounts, r room) size.Size {
	m, ok := want.memory.Get()
	if !ok {
		return from
	}
	if request := want.of(from).Claim().Memory.Or(0); request > r.memory {
		m = size.Share(m, r.memory, request) / size.MiB * size.MiB
	}
	if m <= from.Ceiling().Memory.Or(0) {
		return from
	}
	want.memory = size.Of(m)
	if fitted := want.of(from); r.fits(fitted.Claim().Memory.Or(0)) {
		return fitted
	}
	return from
}
