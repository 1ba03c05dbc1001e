package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/size"
)

const (
	mib = size.MiB
	gib = size.GiB
)

var guaranteed = sized(400, 512*mib, 400, 512*mib)

func TestProposals(t *testing.T) {
	roomy := onNodes(Node{CPU: 4000, Memory: 16 * gib})
	peak := func(b size.Bytes) func(*Snapshot) { return func(s *Snapshot) { s.Peak.Memory = size.Of(b) } }
	for name, tc := range map[string]struct {
		snapshot Snapshot
		want     size.Size
		wantNote string
	}{
		"Burstable: the request follows in proportion": {with(calm(), killed1), sized(200, 384*mib, 400, 768*mib), ""},
		"Guaranteed stays Guaranteed":                  {with(calm(), killed1, atSize(guaranteed)), sized(400, 768*mib, 400, 768*mib), ""},
		"memory equal but cpu not stays so":            {with(calm(), killed1, atSize(sized(200, 512*mib, 400, 512*mib))), sized(200, 768*mib, 400, 768*mib), ""},
		"a request just below the limit stays below": {
			with(calm(), killed1, atSize(sized(400, 512*mib-1, 400, 512*mib))), sized(400, 767*mib, 400, 768*mib), ""},
		"a limit without a request":            {with(calm(), killed1, atSize(sized(200, -1, 400, 512*mib))), sized(200, -1, 400, 768*mib), ""},
		"a limit raised by others is the base": {with(calm(), killed1, func(s *Snapshot) { s.Kills[0].Limit = size.Of(gib) }), sized(200, 768*mib, 400, 1536*mib), ""},
		"a peak above the limit is the base":   {with(calm(), killed1, peak(gib)), sized(200, 768*mib, 400, 1536*mib), ""},
		"the floor is kept": {
			with(calm(), killed1, func(s *Snapshot) {
				s.History.Floor = size.Of(estimators.Floor{Memory: 2 * gib, KilledAt: gib, Since: noon})
			}),
			sized(200, gib, 400, 2*gib), ""},
		"the minimum raises":                        {with(calm(), atMin(800, gib)), sized(400, 512*mib, 800, gib), ""},
		"the minimum of a request without limit":    {with(calm(), atSize(sized(200, 256*mib, -1, -1)), atMin(-1, gib)), sized(200, gib, -1, -1), ""},
		"the maximum cuts, in proportion":           {with(calm(), killed1, upTo(-1, 600*mib)), sized(200, 300*mib, 400, 600*mib), " (cut to bounds.max.memory 600Mi)"},
		"the maximum cuts Guaranteed":               {with(calm(), killed1, atSize(guaranteed), upTo(-1, 600*mib)), sized(400, 600*mib, 400, 600*mib), " (cut to bounds.max.memory 600Mi)"},
		"both maxima cut, and both are named":       {with(calm(), atMin(900, gib), upTo(800, 600*mib)), sized(400, 300*mib, 800, 600*mib), " (cut to bounds.max.memory 600Mi and bounds.max.cpu 800m)"},
		"memory at its maximum, cpu to its minimum": {with(calm(), killed1, atMin(800, -1), upTo(-1, 512*mib)), sized(400, 256*mib, 800, 512*mib), " (cut to bounds.max.memory 512Mi)"},
		"no node known cuts nothing":                {with(calm(), killed1, onNodes()), sized(200, 384*mib, 400, 768*mib), ""},
		"a node with room cuts nothing":             {with(calm(), killed1, roomy), sized(200, 384*mib, 400, 768*mib), ""},
		"exactly the room fits":                     {with(calm(), killed1, onNodes(Node{CPU: 200, Memory: 384 * mib})), sized(200, 384*mib, 400, 768*mib), ""},
		"the largest node cuts, in proportion": {
			with(calm(), killed1, onNodes(Node{CPU: 4000, Memory: 300 * mib}, Node{CPU: 4000, Memory: 100 * mib})), sized(200, 300*mib, 400, 600*mib),
			" (cut to the largest node, which has room for a request of 300Mi)"},
		"the largest node cuts Guaranteed": {
			with(calm(), killed1, atSize(guaranteed), onNodes(Node{CPU: 4000, Memory: 600*mib + 5})), sized(400, 600*mib, 400, 600*mib),
			" (cut to the largest node, which has room for a request of 629145605)"},
		"a limit without a request counts as requested": {
			with(calm(), killed1, atSize(sized(200, -1, 400, 512*mib)), onNodes(Node{CPU: 4000, Memory: 600 * mib})), sized(200, -1, 400, 600*mib),
			" (cut to the largest node, which has room for a request of 600Mi)"},
		"other containers need room too, by limit where they request nothing": {
			with(calm(), killed1, beside(sized(100, 10*mib, -1, -1), sized(-1, -1, 100, 74*mib)), onNodes(Node{CPU: 400, Memory: 384 * mib})), sized(200, 300*mib, 400, 600*mib),
			" (cut to the largest node, which has room for a request of 300Mi)"},
		"a node without the cpu is no room": {
			with(calm(), killed1, onNodes(Node{CPU: 100, Memory: 16 * gib}, Node{CPU: 200, Memory: 300 * mib})), sized(200, 300*mib, 400, 600*mib),
			" (cut to the largest node, which has room for a request of 300Mi)"},
		"the minimum's cpu does not take a kill's memory": {
			with(calm(), killed1, atMin(4000, -1), onNodes(Node{CPU: 1000, Memory: 16 * gib})), sized(200, 384*mib, 400, 768*mib),
			" (cut to the cpu there is, since no node has room for 2 of it)"},
		"a request without limit is cut to the room": {
			with(calm(), atSize(sized(200, 256*mib, -1, -1)), atMin(-1, gib), onNodes(Node{CPU: 4000, Memory: 512 * mib})), sized(200, 512*mib, -1, -1),
			" (cut to the largest node, which has room for a request of 512Mi)"},
		"node: the request grows, the limit stays":      {with(calm(), nodeKilled), sized(200, 384*mib, 400, 512*mib), ""},
		"node: to the peak":                             {with(calm(), nodeKilled, peak(500*mib)), sized(200, 500*mib, 400, 512*mib), ""},
		"node: up to the limit":                         {with(calm(), nodeKilled, atSize(sized(200, 400*mib, 400, 512*mib))), sized(200, 512*mib, 400, 512*mib), ""},
		"node: below the limit where that would be QoS": {with(calm(), nodeKilled, atSize(sized(400, 400*mib, 400, 512*mib))), sized(400, 511*mib, 400, 512*mib), ""},
		"node: a request without limit":                 {with(calm(), nodeKilled, atSize(sized(200, 256*mib, -1, -1))), sized(200, 384*mib, -1, -1), ""},
		"node: a request without limit, to the maximum": {with(calm(), nodeKilled, atSize(sized(200, 256*mib, -1, -1)), upTo(-1, 300*mib)), sized(200, 300*mib, -1, -1), " (cut to bounds.max.memory 300Mi)"},
		"node: what cannot be answered leaves the minimum kept": {
			with(calm(), nodeKilled, atSize(guaranteed), atMin(-1, gib)), sized(400, gib, 400, gib), ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.snapshot)
			if p.To != tc.want {
				t.Errorf("to %s, want %s: %s", change(p.From, p.To), change(p.From, tc.want), p.Message)
			}
			if want := p.Demand.Message + ": " + change(p.From, tc.want) + tc.wantNote; p.Message != want {
				t.Errorf("message %q, want %q", p.Message, want)
			}
		})
	}
}

func TestWhatCannotGrowIsHeldAndSaysWhy(t *testing.T) {
	const atLimit = "a/kube-apiserver at 11:59:57Z was OOM-killed at its memory limit of 512Mi"
	small := onNodes(Node{CPU: 4000, Memory: 256 * mib})
	for name, tc := range map[string]struct {
		snapshot      Snapshot
		wantReason    decision.Reason
		wantMessage   string
		wantAtMaximum bool
	}{
		"at the maximum": {
			with(calm(), killed1, upTo(-1, 512*mib)), "AtMaximum", "needs more than bounds.max.memory 512Mi: raise it, or lower the load", true},
		"at the maximum, Guaranteed": {
			with(calm(), killed1, atSize(guaranteed), upTo(-1, 512*mib)), "AtMaximum", "needs more than bounds.max.memory 512Mi: raise it, or lower the load", true},
		"a maximum below the size never shrinks it": {
			with(calm(), killed1, upTo(-1, 100*mib)), "AtMaximum", "needs more than bounds.max.memory 100Mi: raise it, or lower the load", true},
		"at the maximum, and raised often": {
			with(calm(), killed1, upTo(-1, 512*mib), increased(9)), "AtMaximum", "needs more than bounds.max.memory 512Mi: raise it, or lower the load", true},
		"a minimum above the maximum is no trouble": {
			with(calm(), atMin(-1, gib), upTo(-1, 512*mib)), "AtMaximum", "needs more than bounds.max.memory 512Mi: raise it, or lower the load", false},
		"no node could hold more": {
			with(calm(), killed1, small), "FitsNoNode", "needs a request of 384Mi, but the largest node has room for 256Mi: add larger nodes, or lower the load", true},
		"no node has the cpu that it has": {
			with(calm(), killed1, onNodes(Node{CPU: 100, Memory: 16 * gib})), "FitsNoNode", "needs a request of cpu 200m, memory 384Mi, which fits no node: add larger nodes, or lower the load", true},
		"no node has the cpu of the minimum": {
			with(calm(), atMin(4000, -1), onNodes(Node{CPU: 1000, Memory: 16 * gib})), "FitsNoNode", "needs a request of cpu 2, memory 256Mi, which fits no node: add larger nodes, or lower the load", false},
		"the others leave no room": {
			with(calm(), killed1, beside(sized(1, 15*gib, 1, 15*gib)), onNodes(Node{CPU: 4000, Memory: 15 * gib})), "FitsNoNode", "needs a request of 384Mi, but the largest node has room for 0: add larger nodes, or lower the load", true},
		"BestEffort by zeroes would become Burstable": {
			with(calm(), killed1, atSize(sized(-1, 0, -1, 0))), "QOSClassWouldChange",
			atLimit + "; memory limit 0 → 768Mi, memory request 0 → 768Mi would make the pod Burstable instead of BestEffort, which a resize may not: keep requests and limits apart, or equal, as they are", false},
		"BestEffort": {
			with(calm(), killed1, atSize(sized(-1, -1, -1, -1))), "NoLimit",
			atLimit + "; held: container kube-apiserver of Deployment kube-apiserver has neither a memory limit nor a memory request to grow from: set them in the workload", false},
		"a bump of nothing": {
			with(calm(), killed1, func(s *Snapshot) { s.Settings.OOM = estimators.OOM{} }), "NoLimit", atLimit + "; nothing is known to grow from", false},
		"node: Guaranteed": {
			with(calm(), nodeKilled, atSize(guaranteed)), "NodeOutOfMemory", "the node ran out of memory and the request cannot grow without the limit: move the pod, or free memory on its node", false},
		"node: a limit that is the request": {
			with(calm(), nodeKilled, atSize(sized(200, -1, 400, 512*mib))), "NodeOutOfMemory", "the node ran out of memory and the request cannot grow without the limit: move the pod, or free memory on its node", false},
		"node: at the maximum": {
			with(calm(), nodeKilled, atSize(sized(200, 256*mib, -1, -1)), upTo(-1, 256*mib)), "AtMaximum",
			"the node ran out of memory and the request may not grow above bounds.max.memory 256Mi: raise it, or move the pod", false},
		"node: no other could hold more": {
			with(calm(), nodeKilled, small), "FitsNoNode", "a request of 384Mi fits no node (room for 256Mi): move the pod or add larger nodes", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tc.snapshot)
			if p.To != p.From || p.Verdict() != decision.VerdictHeld || p.Reason != tc.wantReason || p.AtMaximum != tc.wantAtMaximum || p.Floor.Present() {
				t.Errorf("verdict %s, reason %s, at maximum %v, floor %v, change %s", p.Verdict(), p.Reason, p.AtMaximum, p.Floor.Present(), change(p.From, p.To))
			}
			if diff := cmp.Diff(tc.wantMessage, p.Message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAtTheMaximumTheSamePlanIsMadeForEver(t *testing.T) {
	s := with(calm(), killed1, upTo(-1, 600*mib))
	first := Decide(s)
	s.Workload.Size = first.To
	for range 50 {
		s.History.LastAnswer, s.History.Repeats = size.Of(s.Kills[0].FinishedAt), 3
		p := Decide(s)
		if p.To != first.To || !p.AtMaximum {
			t.Fatalf("changed at the maximum: %s", p.Message)
		}
	}
}

// In trouble, with memory at its maximum and cpu below its minimum, cpu grows and the trouble is told all the same.
func TestAtMaximumIsOfMemory(t *testing.T) {
	p := Decide(with(calm(), killed1, atMin(800, -1), upTo(-1, 512*mib)))
	if p.Verdict() != decision.VerdictScaleUp || !p.AtMaximum || p.Floor.Present() {
		t.Errorf("verdict %s, at maximum %v, floor %v", p.Verdict(), p.AtMaximum, p.Floor.Present())
	}
}

func TestAnAnswerLeavesAFloor(t *testing.T) {
	want := estimators.Floor{Memory: 768 * mib, KilledAt: 512 * mib, Since: noon}
	if got := Decide(with(calm(), killed1)).Floor; got != size.Of(want) {
		t.Errorf("floor %v, want %v", got, want)
	}
	for name, s := range map[string]Snapshot{
		"the minimum":   with(calm(), atMin(-1, gib)),
		"a node's kill": with(calm(), nodeKilled),
		"a held kill":   with(calm(), killed1, func(s *Snapshot) { s.Settings.Off = true }),
	} {
		if p := Decide(s); p.Floor.Present() {
			t.Errorf("%s left the floor %v", name, p.Floor)
		}
	}
}

func TestWantIsWhatIsAskedForAlsoWhereItIsCutOrHeld(t *testing.T) {
	for name, s := range map[string]Snapshot{
		"cut":  with(calm(), killed1, upTo(-1, 600*mib)),
		"held": with(calm(), killed1, func(s *Snapshot) { s.Settings.Off = true }),
	} {
		if got, want := Decide(s).Want, sized(200, 384*mib, 400, 768*mib); got != want {
			t.Errorf("%s: want %s", name, change(want, got))
		}
	}
}

// From 0.84 to 11.2 GB in ten steps, each an outage: Gardener's HVPA in its 220-node test.
func TestAJumpOfThirteenTimesIsThereAfterFourPlans(t *testing.T) {
	s := with(calm(), atSize(sized(400, 840*mib, 400, 840*mib)))
	steps := 0
	for ; s.Workload.Size.Ceiling().Memory.Or(0) < 11200*mib && steps < 10; steps++ {
		k := kill(decision.KillContainer, "a", steps, 0)
		k.Limit = s.Workload.Size.Limits.Memory
		k.FinishedAt = s.Now
		s.Kills = append(s.Kills[:0:0], k)
		p := Decide(s)
		s.Workload.Size, s.History.Repeats, s.History.LastAnswer = p.To, p.Level, size.Of(k.FinishedAt)
		s.Now = s.Now.Add(time.Minute)
	}
	if steps > 4 {
		t.Errorf("%d steps to %s, want at most 4", steps, s.Workload.Size.Limits)
	}
}
