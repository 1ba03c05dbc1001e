package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/size"
)

const containerName = "kube-apiserver"

// Epoch is when every simulation begins.
var Epoch = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// Demand is the memory that a replica needs, so long after the beginning and after its container's start.
type Demand func(replica int, since, up time.Duration) size.Bytes

// Tenant is one tenant with one component.
type Tenant struct {
	Name     string
	Settings plan.Settings
	DryRun   bool
	Demand   Demand
	Nodes    []plan.Node
	// Size is the size of the workload's template.
	Size     size.Size
	Replicas int

	containers []*container
	status     status
	births     int
}

// World is tenants, and the manager that keeps them the right size.
type World struct {
	Step    time.Duration
	Tenants []*Tenant
	// ReportEvery is how often kubelets report; what happened in between is lost. ResizeTakes is how long after its
	// acceptance a resize is actuated.
	ReportEvery, ResizeTakes time.Duration
	// ManagerDown tells when nobody looks.
	ManagerDown func(since time.Duration) bool
	// NodeKills tells when a replica's node runs out of memory.
	NodeKills func(tenant string, replica int, since time.Duration) bool
	// Interfere does what users and other tools do.
	Interfere func(w *World, since time.Duration)

	// Quiet keeps no log.
	Quiet   bool
	Log     []string
	now     time.Time
	manager *manager
	watch   watch
	kills   int
	// usage is what was last measured of each killed container: half a minute before its end, as metrics-server does.
	usage map[string]size.Opt[oom.Usage]
}

const metricsAge = 30 * time.Second

// Run plays the world for a time and gives the first invariant that was broken; nil when all held.
func (w *World) Run(d time.Duration) error {
	w.now, w.manager, w.usage = Epoch, newManager(w), map[string]size.Opt[oom.Usage]{}
	for _, t := range w.Tenants {
		for range t.Replicas {
			t.containers = append(t.containers, t.birth(w.now))
		}
	}
	w.watch.begin(w)
	for since := time.Duration(0); since <= d; since += w.Step {
		w.now = Epoch.Add(since)
		if w.Interfere != nil {
			w.Interfere(w, since)
		}
		w.stepNodes(since)
		if w.ManagerDown != nil && w.ManagerDown(since) {
			w.manager = nil
		} else {
			if w.manager == nil {
				w.manager = newManager(w)
				w.logf("-", "the manager is back")
			}
			w.manager.step()
		}
		if err := w.watch.check(w); err != nil {
			return fmt.Errorf("%s: %w\n%s", w.now.Format(time.TimeOnly), err, strings.Join(w.Log, "\n"))
		}
	}
	return nil
}

func (w *World) stepNodes(since time.Duration) {
	for _, t := range w.Tenants {
		for i, c := range t.containers {
			byNode := w.NodeKills != nil && w.NodeKills(t.Name, i, since)
			for _, e := range c.step(w.now, t.Demand(i, since, w.now.Sub(c.startedAt)), byNode) {
				if strings.HasPrefix(e, "killed") {
					w.kills++
					w.measure(t, i)
				}
				w.logf(t.Name+"/"+c.pod, "%s", e)
			}
			c.report(w.now, w.ReportEvery)
		}
	}
}

func (w *World) measure(t *Tenant, replica int) {
	c, at := t.containers[replica], w.now.Add(-metricsAge)
	if at.After(c.startedAt) {
		w.usage[c.id()] = size.Of(oom.Usage{Memory: min(t.Demand(replica, at.Sub(Epoch), at.Sub(c.startedAt)), c.limit), MeasuredAt: at})
	}
}

// birth makes a new pod from the template. Pods of every tenant have the same names.
func (t *Tenant) birth(now time.Time) *container {
	c := &container{uid: fmt.Sprintf("%s-%d", t.Name, t.births), pod: fmt.Sprintf("kube-apiserver-%d", t.births), startedAt: now,
		limit: t.Size.Limits.Memory.Or(0), request: t.Size.Requests.Memory}
	t.births++
	c.dirty = true
	c.reported = oom.Sighting{PodUID: c.uid, Pod: c.pod, Container: containerName, Limit: size.Of(c.limit)}
	return c
}

func (w *World) logf(who, format string, args ...any) {
	if w.Quiet {
		return
	}
	w.Log = append(w.Log, fmt.Sprintf("%s  %-18s %s", w.now.Format(time.TimeOnly), who, fmt.Sprintf(format, args...)))
}

// owner gives the tenant of a pod; nil when nobody's.
func (w *World) owner(uid string) *Tenant {
	i := slices.IndexFunc(w.Tenants, func(t *Tenant) bool { return strings.HasPrefix(uid, t.Name+"-") })
	if i < 0 {
		return nil
	}
	return w.Tenants[i]
}
