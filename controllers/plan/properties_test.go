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
	"github.com/metapilot/metapilot/scalers/use"
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
	g.calm(&s)
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

// track is one of low, of high or of unknown use.
func (g generator) track() use.Track {
	if g.rarely() {
		return use.Track{}
	}
	t := use.Track{Latest: size.Of(g.Int64N(1 << 30)), SeenAt: noon.Add(-time.Duration(g.Int64N(int64(70 * time.Second))))}
	switch g.IntN(4) {
	case 0:
	case 1:
		t.HighSince = size.Of(t.SeenAt.Add(-time.Duration(g.Int64N(int64(3 * time.Minute)))))
	default:
		t.LowSince, t.Peak = size.Of(t.SeenAt.Add(-time.Duration(g.Int64N(int64(40*time.Hour))))), size.Of(t.Latest.Or(0)+g.Int64N(1000))
	}
	if !g.sane && g.rarely() {
		t.Latest, t.Peak = size.Of(-g.Int64()), size.Of(g.Int64())
	}
	return t
}

// calm adds what growth without a kill, and shrinking, look at.
func (g generator) calm(s *Snapshot) {
	s.Workload.Ready = s.Workload.Replicas
	if g.rarely() {
		s.Workload.Ready = int32(g.IntN(8))
	}
	if g.IntN(3) == 0 {
		return
	}
	s.Settings.CPU = use.Settings{High: size.Of(use.Share{Percent: 90}), For: time.Minute, Low: size.Of(use.Share{Percent: 60}), Window: 12 * time.Hour}
	s.Settings.Memory, s.Settings.UseMaxAge = s.Settings.CPU, time.Minute
	s.Settings.AnswersHighCPU, s.Settings.AnswersHighMemory = g.IntN(2) == 0, g.IntN(2) == 0
	s.Settings.UpCooldown, s.Settings.UpMaxStepPercent = time.Minute, 5+g.Int64N(896)
	s.Settings.Down = Down{Configured: true, Disabled: g.rarely(), Cooldown: 12 * time.Hour, Quiet: 24 * time.Hour, MaxStepPercent: 1 + g.Int64N(25), MinChangePercent: 1 + g.Int64N(25)}
	if g.rarely() {
		s.Settings.Down.Windows = []Window{{Start: time.Duration(g.IntN(24)) * time.Hour, Length: time.Hour}}
	}
	if g.IntN(2) == 0 {
		s.Settings.Utilization = size.Of(estimators.Utilization{TargetPercent: 10 + g.Int64N(91), Priority: g.IntN(2)})
	}
	if g.IntN(3) > 0 {
		s.Settings.Profile = size.Of(estimators.Profile{MinHistory: 24 * time.Hour, Priority: g.IntN(2)})
		s.Profile = estimators.ProfileInput{Found: !g.rarely(), Target: g.amounts(), Lower: g.amounts(),
			First: size.Of(noon.Add(-time.Duration(g.Int64N(int64(200 * time.Hour))))), Last: size.Of(noon.Add(-time.Duration(g.Int64N(int64(4 * time.Hour)))))}
	}
	s.Use = Use{CPU: g.track(), Memory: g.track()}
	if g.IntN(3) == 0 {
		s.History.LastChange = size.Of(noon.Add(-time.Duration(g.Int64N(int64(20 * time.Hour)))))
	}
	if g.rarely() {
		s.History.LastTrouble = size.Of(noon.Add(-time.Duration(g.Int64N(int64(40 * time.Hour)))))
	}
	if g.rarely() {
		s.History.Watched = size.Of(WatchedDown{Record: "down-1", From: g.size()})
	}
	if g.rarely() {
		s.Fleet.BudgetSpent = "spent"
	}
	if g.rarely() {
		s.Fleet.Brake, s.Fleet.BrakeReason = decision.ReasonFleetBlind, "blind"
	}
}

// wronglyDown says what invariant of scale-downs a plan breaks; empty when none.
func wronglyDown(s Snapshot, p Plan) string {
	from, to := p.From, p.To
	cpu, memory := levels(s)
	shrunk := func(a, b bool) bool { return a || b }
	memoryLess := shrunk(less(size.Amounts{Memory: to.Limits.Memory}, from.Limits), less(size.Amounts{Memory: to.Requests.Memory}, from.Requests))
	cpuLess := shrunk(less(size.Amounts{CPU: to.Limits.CPU}, from.Limits), less(size.Amounts{CPU: to.Requests.CPU}, from.Requests))
	ceiling := to.Ceiling()
	switch {
	case less(from.Limits, to.Limits) || less(from.Requests, to.Requests):
		return "a scale-down made something larger"
	case memoryLess && memory != use.LevelLow || cpuLess && cpu != use.LevelLow:
		return "a resource shrinks of which not little was used for the whole window"
	case memory == use.LevelUnknown || cpu == use.LevelUnknown:
		return "a scale-down in the dark"
	case s.Profile.Stale != "" || s.Settings.Profile.Present() && !s.Profile.Found:
		return "a scale-down without a profile that was asked for"
	case s.Fleet.Brake != "" || s.Fleet.BudgetSpent != "":
		return "a scale-down against the brake or over the budget"
	case memoryLess && less(ceiling, size.Amounts{Memory: s.Settings.Min.Memory}) || cpuLess && less(ceiling, size.Amounts{CPU: s.Settings.Min.CPU}):
		return "below the minimum"
	case memoryLess && less(ceiling, size.Amounts{Memory: size.Of(size.Bytes(s.Use.Memory.Peak.Or(0)))}):
		return "below what was used in the window"
	case memoryLess && s.History.Floor.Present() && ceiling.Memory.Or(0) < s.History.Floor.Or(estimators.Floor{}).At(s.Now, s.Settings.OOM.FloorHalfLife):
		return "below the floor that a kill left"
	case s.sane() && memoryLess && ceiling.Memory.Or(0) < from.Ceiling().Memory.Or(0)*74/100-size.MiB || s.sane() && cpuLess && ceiling.CPU.Or(0) < from.Ceiling().CPU.Or(0)*74/100-1:
		return "more than a step"
	case s.Now.Before(s.History.LastChange.Or(time.Time{}).Add(s.Settings.Down.Cooldown)):
		return "within the cooldown"
	case s.Now.Before(s.History.LastTrouble.Or(time.Time{}).Add(s.Settings.Down.Quiet)):
		return "soon after trouble"
	case s.Workload.Ready < s.Workload.Replicas || len(s.Kills) > 0 && s.Settings.AnswersOOM && p.Demand.Kind != DemandLowUse:
		return "a scale-down of what is not well"
	}
	return ""
}

// sane tells whether the amounts are those of this world.
func (s Snapshot) sane() bool {
	c := s.Workload.Size.Ceiling()
	return c.Memory.Or(0) < 1<<50 && c.CPU.Or(0) < 1<<40
}

// broken says what invariant a plan breaks; empty when none.
func broken(s Snapshot, p Plan) string {
	from, to, ceiling := p.From, p.To, p.To.Ceiling()
	switch {
	case from != s.Workload.Size:
		return "From is not the size there is"
	case p.Verdict() == decision.VerdictScaleDown:
		if why := wronglyDown(s, p); why != "" {
			return why
		}
	case less(ceiling, from.Ceiling()) || less(to.Requests, from.Requests) || less(to.Limits, from.Limits):
		return "something became smaller"
	}
	switch {
	case p.Verdict() != decision.VerdictScaleDown && exceeds(ceiling.Memory, s.Settings.Max.Memory, from.Ceiling().Memory) || p.Verdict() != decision.VerdictScaleDown && exceeds(ceiling.CPU, s.Settings.Max.CPU, from.Ceiling().CPU):
		return "larger than the maximum"
	case s.Workload.qosWith(to) != s.Workload.qosWith(from):
		return "the QoS class changed"
	case present(to) != present(from):
		return "what was absent became a number, or the reverse"
	case p.Gate != "" && to != from:
		return "a gate holds and something changed"
	case p.Verdict() != decision.VerdictScaleUp && p.Verdict() != decision.VerdictScaleDown && to != from:
		return "something changed without a verdict that says so"
	case p.Verdict() == decision.VerdictScaleUp && to != from && len(s.Nodes) > 0 && !fitsSome(s, to):
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
	for _, what := range []string{"ScaleUp", "ScaleDown", "UseHigh", "UseLow", "Undone", "Observing", "SignalsMissing", "Held", "Steady", "Unknown", "OOMKilled", "NodeOutOfMemory", "BelowMinimum", "AtMaximum", "FitsNoNode", "QOSClassWouldChange"} {
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
