package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/size"
)

// maxAnswered is how many answered kills a status keeps, as controllers/clusterscaler does.
const maxAnswered = 64

// status is what the ClusterScaler's status remembers of a component: it outlives the manager.
type status struct {
	answered  []oom.Kill
	lastKill  size.Opt[time.Time]
	repeats   int
	floor     size.Opt[estimators.Floor]
	increases []time.Time
	resizedAt size.Opt[time.Time]
	reverts   int
	// told is the last line in the log, so that what is held is told once.
	told string
}

// manager is a process: all that it remembers dies with it.
type manager struct {
	world *World
	// inbox has the kills of every tenant that pod events showed; they are told apart by the pod's UID alone.
	inbox map[oom.Key]oom.Kill
	known oom.Incarnations
	// looked is when each tenant was last looked at.
	looked map[*Tenant]time.Time
	// plans of this step, by tenant.
	plans map[*Tenant]plan.Plan
	// judged are the kills of this step that were not answered before it, by tenant.
	judged map[*Tenant][]oom.Kill
}

func newManager(w *World) *manager {
	return &manager{world: w, inbox: map[oom.Key]oom.Kill{}, plans: map[*Tenant]plan.Plan{}, judged: map[*Tenant][]oom.Kill{}, known: oom.Incarnations{}, looked: map[*Tenant]time.Time{}}
}

// calmLook is how often a tenant is looked at without an event.
const calmLook = time.Minute

// step is what the watch does, and a reconcile of every tenant that a kill or the time wakes.
func (m *manager) step() {
	clear(m.plans)
	clear(m.judged)
	for _, t := range m.world.Tenants {
		if m.listen(t) || m.world.now.Sub(m.looked[t]) >= calmLook {
			m.looked[t] = m.world.now
			m.reconcile(t)
		}
	}
}

// listen takes what the watch brings of a tenant's pods, and tells whether a kill is new. A new manager lists them all.
func (m *manager) listen(t *Tenant) (isNew bool) {
	for _, c := range t.containers {
		if !c.news && !m.looked[t].IsZero() {
			continue
		}
		c.news = false
		for _, k := range c.reported.Kills() {
			if _, ok := m.inbox[k.Key]; !ok {
				m.inbox[k.Key], isNew = k, true
			}
		}
	}
	return isNew
}

func (m *manager) reconcile(t *Tenant) {
	kills := m.unanswered(t)
	for i := range kills {
		kills[i].Class = oom.Judge(kills[i], m.circumstances(t, kills[i]))
	}
	s := m.snapshot(t, kills)
	p := plan.Decide(s)
	m.plans[t], m.judged[t] = p, kills
	var done []oom.Kill
	for _, k := range kills {
		if k.Class != decision.KillContainer && k.Class != decision.KillNode {
			m.world.logf(t.Name, "%s needs no answer: %s", k, k.Class)
			done = append(done, k)
		}
	}
	m.tell(t, p)
	if p.Verdict() == decision.VerdictScaleUp {
		done = append(done, p.Demand.Kills...)
		if !t.DryRun {
			m.carryOut(t, p)
		}
	}
	m.answer(t, done)
	if len(s.Kills) == 0 || len(done) == len(kills) {
		for _, c := range t.containers {
			m.known.See(c.reported)
		}
	}
}

// unanswered gives the tenant's kills that its status does not know, oldest first, with what was missed before each.
func (m *manager) unanswered(t *Tenant) []oom.Kill {
	for _, k := range t.status.answered {
		delete(m.inbox, k.Key)
		m.known.Note(oom.Container{PodUID: k.PodUID, Name: k.Container}, k.Incarnation)
	}
	var kills []oom.Kill
	for _, k := range m.inbox {
		if m.world.owner(k.PodUID) == t {
			kills = append(kills, k)
		}
	}
	slices.SortFunc(kills, func(a, b oom.Kill) int {
		return cmp.Or(a.FinishedAt.Compare(b.FinishedAt), cmp.Compare(a.Incarnation, b.Incarnation), cmp.Compare(a.PodUID, b.PodUID))
	})
	seen := oom.Incarnations{}
	for i := range kills {
		c := oom.Container{PodUID: kills[i].PodUID, Name: kills[i].Container}
		if n, ok := m.known[c]; ok {
			seen.Note(c, n)
		}
		kills[i].Missed = seen.Missed(c, kills[i].Incarnation)
		seen.Note(c, kills[i].Incarnation)
	}
	return kills
}

func (m *manager) circumstances(t *Tenant, k oom.Kill) oom.Circumstances {
	around := oom.Circumstances{Now: m.world.now, ResizedAt: t.status.resizedAt, Desired: t.Size.Limits.Memory, NodeKillBelowPercent: 40}
	if last, ok := t.status.lastKill.Get(); ok && k.FinishedAt.Sub(last) <= t.Settings.RepeatWindow {
		around.Repeats = true
	}
	around.Usage = m.world.usage[k.ContainerID]
	return around
}

func (m *manager) snapshot(t *Tenant, kills []oom.Kill) plan.Snapshot {
	s := plan.Snapshot{Now: m.world.now, Settings: t.Settings, Nodes: t.Nodes,
		Workload: plan.Workload{Name: "Deployment kube-apiserver", Container: containerName, Found: true, ContainerFound: true, Containers: []string{containerName},
			Replicas: int32(len(t.containers)), Size: t.Size},
		History: plan.History{LastAnswer: t.status.lastKill, Repeats: t.status.repeats, Floor: t.status.floor, Increases: slices.Clone(t.status.increases), Reverts: t.status.reverts}}
	for _, c := range t.containers {
		if c.resizeAt.Present() {
			s.History.ChangeInProgress = "record-of-" + c.uid
		}
	}
	for _, k := range kills {
		if k.Class == decision.KillContainer || k.Class == decision.KillNode {
			s.Kills = append(s.Kills, k)
		}
	}
	return s
}

// tell writes the plan into the log; one that is held, once.
func (m *manager) tell(t *Tenant, p plan.Plan) {
	line := string(p.Verdict()) + " " + string(p.Reason) + ": " + p.Message
	if p.Verdict() == decision.VerdictSteady {
		t.status.told = ""
		return
	}
	key := string(p.Reason)
	if p.Verdict() == decision.VerdictHeld && t.status.told == key {
		return
	}
	t.status.told = key
	mode := ""
	if t.DryRun {
		mode = "(dry run) "
	}
	m.world.logf(t.Name, "%s%s", mode, line)
}

// carryOut is the actuator: the pods are resized in place and the template follows, all accepted at once.
func (m *manager) carryOut(t *Tenant, p plan.Plan) {
	now := m.world.now
	if p.To.Ceiling().Memory.Or(0) > p.From.Ceiling().Memory.Or(0) {
		t.status.increases = append(slices.DeleteFunc(t.status.increases, func(at time.Time) bool { return now.Sub(at) >= 24*time.Hour }), now)
	}
	if p.Floor.Present() {
		t.status.floor = p.Floor
	}
	if n := len(p.Demand.Kills); n > 0 { // also a node's: the next one within the window is the container's own
		t.status.lastKill, t.status.repeats = size.Of(p.Demand.Kills[n-1].FinishedAt), p.Level
	}
	t.Size, t.status.resizedAt = p.To, size.Of(now)
	for _, c := range t.containers {
		c.resize, c.resizeAt = p.To, size.Of(now.Add(m.world.ResizeTakes))
	}
}

func (m *manager) answer(t *Tenant, kills []oom.Kill) {
	for _, k := range kills {
		m.known.Note(oom.Container{PodUID: k.PodUID, Name: k.Container}, k.Incarnation)
		t.status.answered = append(t.status.answered, k)
		m.world.watch.answer(k.Key)
		delete(m.inbox, k.Key)
	}
	if over := len(t.status.answered) - maxAnswered; over > 0 {
		t.status.answered = slices.Clone(t.status.answered[over:])
	}
}
