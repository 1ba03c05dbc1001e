package plan

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/size"
)

// generator makes snapshots. Half of them are of this world; the others contradict themselves, with amounts that are
// zero, negative or huge.
type generator struct {
	*rand.Rand
	sane bool
}

func generate(seed uint64) Snapshot {
	g := generator{Rand: rand.New(rand.NewPCG(seed, 1)), sane: seed%2 == 0}
	s := Snapshot{Now: noon, Workload: g.workload(), Settings: g.settings(), History: g.history(), Peak: g.amounts()}
	for range g.IntN(4) {
		s.Kills = append(s.Kills, g.kill())
	}
	for range g.IntN(3) {
		s.Nodes = append(s.Nodes, Node{CPU: amount[size.MilliCPU](g), Memory: amount[size.Bytes](g)})
	}
	return s
}

func amount[T size.MilliCPU | size.Bytes](g generator) T {
	_, isMemory := any(T(0)).(size.Bytes)
	if !g.sane && g.IntN(3) == 0 {
		return []T{0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1<<20, T(g.Int64()), -T(g.Int64())}[g.IntN(8)]
	}
	if isMemory {
		return T(g.Int64N(1 << 34))
	}
	return T(g.Int64N(16000))
}

func maybe[T size.MilliCPU | size.Bytes](g generator) size.Opt[T] {
	if g.IntN(3) == 0 {
		return size.Opt[T]{}
	}
	return size.Of(max(amount[T](g), T(0)))
}

func (g generator) amounts() size.Amounts {
	a := size.Amounts{CPU: maybe[size.MilliCPU](g), Memory: maybe[size.Bytes](g)}
	if !g.sane && g.IntN(2) == 0 {
		a = size.Amounts{CPU: size.Of(amount[size.MilliCPU](g)), Memory: size.Of(amount[size.Bytes](g))}
	}
	return a
}

// size is one that an API server could hold, unless the world is not sane: no request above its limit.
func (g generator) size() size.Size {
	s := size.Size{Requests: g.amounts(), Limits: g.amounts()}
	if g.IntN(4) == 0 {
		s.Limits = s.Requests
	}
	if g.sane {
		if l, ok := s.Limits.Memory.Get(); ok && s.Requests.Memory.Or(0) > l {
			s.Requests.Memory = size.Of(l)
		}
		if l, ok := s.Limits.CPU.Get(); ok && s.Requests.CPU.Or(0) > l {
			s.Requests.CPU = size.Of(l)
		}
	}
	return s
}

func (g generator) rarely() bool { return g.IntN(12) == 0 }

func (g generator) workload() Workload {
	w := Workload{Name: "Deployment kube-apiserver", Container: "kube-apiserver", Found: !g.rarely(), ContainerFound: !g.rarely(),
		Replicas: int32(g.IntN(8)), Size: g.size(), RolloutInProgress: g.rarely()}
	for range g.IntN(3) {
		w.Others = append(w.Others, g.size())
	}
	for range g.IntN(2) {
		w.Init = append(w.Init, g.size())
	}
	if g.rarely() {
		w.PausedBy = "gardener"
	}
	if g.rarely() {
		w.ForeignOwner = "Argo CD"
	}
	return w
}

func (g generator) settings() Settings {
	s := Settings{Off: g.rarely(), ScaleUpDisabled: g.rarely(), AnswersOOM: !g.rarely(), HoldForForeignOwner: g.IntN(2) == 0,
		OOM:          estimators.OOM{BumpPercent: 5 + g.Int64N(396), MaxBumpPercent: 5 + g.Int64N(896), MinBump: size.MiB * size.Bytes(1+g.Int64N(64)), FloorHalfLife: time.Hour},
		RepeatWindow: time.Hour, MaxIncreasesPerDay: 1 + g.IntN(8)}
	if g.IntN(2) == 0 {
		s.Min = g.amounts()
	}
	if g.IntN(2) == 0 {
		s.Max = g.amounts()
	}
	if !g.sane && g.IntN(4) == 0 {
		s.OOM = estimators.OOM{BumpPercent: g.Int64() - 1<<62, MaxBumpPercent: g.Int64(), MinBump: amount[size.Bytes](g), FloorHalfLife: time.Duration(g.Int64() - 1<<62)}
		s.RepeatWindow, s.MaxIncreasesPerDay = -time.Hour, -1
	}
	return s
}

func (g generator) history() History {
	h := History{Repeats: g.IntN(5), Reverts: g.IntN(5) * g.IntN(2)}
	if g.rarely() {
		h.ChangeInProgress = "record-1"
	}
	if g.IntN(2) == 0 {
		h.LastAnswer = size.Of(noon.Add(-time.Duration(g.Int64N(int64(4 * time.Hour)))))
		h.Floor = size.Of(estimators.Floor{Memory: amount[size.Bytes](g), KilledAt: amount[size.Bytes](g), Since: noon.Add(-time.Duration(g.Int64N(int64(9 * time.Hour))))})
	}
	for range g.IntN(4) * g.IntN(3) {
		h.Increases = append(h.Increases, noon.Add(-time.Duration(g.Int64N(int64(48*time.Hour)))))
	}
	if !g.sane && g.IntN(4) == 0 {
		h.Repeats, h.Reverts = int(g.Uint64()), -1
		h.LastAnswer = size.Of(time.Time{})
	}
	return h
}

func (g generator) kill() oom.Kill {
	classes := []decision.KillClass{decision.KillContainer, decision.KillContainer, decision.KillNode, decision.KillReplaced, ""}
	k := kill(classes[g.IntN(len(classes))], string(rune('a'+g.IntN(3))), g.IntN(3), time.Duration(g.Int64N(int64(3*time.Hour))))
	k.Limit, k.Request, k.Missed = maybe[size.Bytes](g), maybe[size.Bytes](g), int32(g.IntN(4)*g.IntN(2))
	if !g.sane && g.IntN(3) == 0 {
		k.Missed, k.FinishedAt = int32(g.Uint32()), time.Time{}
	}
	return k
}

// broken says what invariant a plan breaks; empty when none.
func broken(s Snapshot, p Plan) string {
	from, to, ceiling := p.From, p.To, p.To.Ceiling()
	switch {
	case from != s.Workload.Size:
		return "From is not the size there is"
	case less(ceiling, from.Ceiling()) || less(to.Requests, from.Requests) || less(to.Limits, from.Limits):
		return "something became smaller"
	case exceeds(ceiling.Memory, s.Settings.Max.Memory, from.Ceiling().Memory) || exceeds(ceiling.CPU, s.Settings.Max.CPU, from.Ceiling().CPU):
		return "larger than the maximum"
	case s.Workload.qosWith(to) != s.Workload.qosWith(from):
		return "the QoS class changed"
	case present(to) != present(from):
		return "what was absent became a number, or the reverse"
	case p.Gate != "" && to != from:
		return "a gate holds and something changed"
	case p.Verdict() != decision.VerdictScaleUp && to != from:
		return "something changed without a ScaleUp"
	case to != from && len(s.Nodes) > 0 && !fitsSome(s, to):
		return "the request fits no node"
	case to != from && less(to.Limits, to.Requests) && !less(from.Limits, from.Requests):
		return "a request above its limit"
	case len(p.Estimates) == 0 || p.Reason == "" || p.Message == "":
		return "no estimates, reason or message"
	case p.AtMaximum && (!p.Demand.Urgent() || ceiling.Memory != from.Ceiling().Memory):
		return "AtMaximum without trouble, or with growth"
	case p.Level < 0:
		return "a negative level"
	case p.Floor.Present() && (p.Demand.Kind != DemandOOM || to == from):
		return "a floor without an answer"
	case p.Verdict() == decision.VerdictScaleUp && (s.Settings.Off || s.Workload.Replicas == 0 || s.Workload.PausedBy != ""):
		return "grown though it is off or unmanaged"
	}
	return ""
}

func less(a, b size.Amounts) bool {
	return a.Memory.Present() && a.Memory.Or(0) < b.Memory.Or(a.Memory.Or(0)) || a.CPU.Present() && a.CPU.Or(0) < b.CPU.Or(a.CPU.Or(0))
}

func exceeds[T size.MilliCPU | size.Bytes](to, maximum, from size.Opt[T]) bool {
	m, ok := maximum.Get()
	return ok && to.Or(m) > m && to != from
}

func present(s size.Size) [4]bool {
	return [4]bool{s.Requests.CPU.Present(), s.Requests.Memory.Present(), s.Limits.CPU.Present(), s.Limits.Memory.Present()}
}

func fitsSome(s Snapshot, to size.Size) bool {
	for _, n := range s.Nodes {
		if n.CPU > 1<<62 || n.Memory > 1<<62 {
			return true // sums of what is requested saturate here
		}
		var cpu, memory float64
		for _, o := range append([]size.Size{to}, s.Workload.Others...) {
			cpu += math.Max(float64(o.Claim().CPU.Or(0)), 0)
			memory += math.Max(float64(o.Claim().Memory.Or(0)), 0)
		}
		if cpu <= float64(n.CPU) && memory <= float64(n.Memory) || !to.Claim().Memory.Present() && cpu <= float64(n.CPU) {
			return true
		}
	}
	return false
}

func check(t *testing.T, seed uint64, s Snapshot) Plan {
	t.Helper()
	p := Decide(s)
	if why := broken(s, p); why != "" {
		t.Fatalf("seed %d: %s\nfrom %v\nto   %v\nothers %v\nnodes %v\nmin %v max %v\n%s", seed, why, p.From, p.To, s.Workload.Others, s.Nodes, s.Settings.Min, s.Settings.Max, p.Message)
	}
	if again := Decide(s); !reflect.DeepEqual(p, again) {
		t.Fatalf("seed %d: two plans from one snapshot:\n%+v\n%+v", seed, p, again)
	}
	return p
}

func TestEveryPlanKeepsTheInvariants(t *testing.T) {
	n := uint64(60_000)
	if testing.Short() {
		n = 5_000
	}
	seen := map[string]int{}
	for seed := range n {
		s := generate(seed)
		p := check(t, seed, s)
		seen[string(p.Verdict())]++
		seen[string(p.Gate)]++
		seen[string(p.Reason)]++
	}
	// The generator must reach what the invariants speak of.
	for _, g := range decision.Gates() {
		if seen[string(g)] == 0 {
			t.Errorf("no snapshot was held by %s", g)
		}
	}
	for _, what := range []string{"ScaleUp", "Held", "Steady", "Unknown", "OOMKilled", "NodeOutOfMemory", "BelowMinimum", "AtMaximum", "FitsNoNode", "QOSClassWouldChange"} {
		if seen[what] < 10 {
			t.Errorf("%s only %d times", what, seen[what])
		}
	}
}

func FuzzDecide(f *testing.F) {
	for seed := range uint64(64) {
		f.Add(seed, int64(512<<20), int64(256<<20), int64(math.MaxInt64), int64(1<<34), int64(400))
	}
	f.Add(uint64(0), int64(0), int64(0), int64(0), int64(0), int64(0))
	f.Add(uint64(1), int64(-1), int64(math.MaxInt64), int64(math.MinInt64), int64(1), int64(-1))
	f.Fuzz(func(t *testing.T, seed uint64, limit, request, maximum, node, cpu int64) {
		s := generate(seed)
		s.Workload.Size.Limits.Memory, s.Workload.Size.Requests.Memory = size.Of(size.Bytes(limit)), size.Of(size.Bytes(request))
		s.Workload.Size.Requests.CPU = size.Of(size.MilliCPU(cpu))
		s.Settings.Max.Memory = size.Of(size.Bytes(maximum))
		s.Nodes = append(s.Nodes, Node{CPU: size.MilliCPU(cpu), Memory: size.Bytes(node)})
		check(t, seed, s)
	})
}
