package sim

import (
	"fmt"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/size"
)

// watch remembers what the invariants need of the steps before.
type watch struct {
	answered map[oom.Key]int
	twice    *oom.Key
	before   map[*Tenant]size.Size
	grown    map[*Tenant][]time.Time
	first    map[*Tenant]size.Size
}

func (x *watch) begin(w *World) {
	*x = watch{answered: map[oom.Key]int{}, before: map[*Tenant]size.Size{}, grown: map[*Tenant][]time.Time{}, first: map[*Tenant]size.Size{}}
	for _, t := range w.Tenants {
		x.before[t], x.first[t] = t.Size, t.Size
	}
}

// answer notes that a kill was answered.
func (x *watch) answer(key oom.Key) {
	if x.answered[key]++; x.answered[key] > 1 {
		x.twice = &key
	}
}

// check gives the invariant that this step broke; nil when none.
func (x *watch) check(w *World) error {
	if x.twice != nil {
		return fmt.Errorf("the kill %v was answered twice", *x.twice)
	}
	for _, t := range w.Tenants {
		if err := x.checkSize(w, t); err != nil {
			return fmt.Errorf("tenant %s: %w", t.Name, err)
		}
		if w.manager == nil {
			continue
		}
		if err := x.checkPlan(w, t); err != nil {
			return fmt.Errorf("tenant %s: %w", t.Name, err)
		}
	}
	return nil
}

func (x *watch) checkSize(w *World, t *Tenant) error {
	before, now := x.before[t], t.Size
	x.before[t] = now
	had, has := before.Ceiling().Memory.Or(0), now.Ceiling().Memory.Or(0)
	if has != had {
		x.grown[t] = append(x.grown[t], w.now)
	}
	if now == before {
		return nil
	}
	today := 0
	for _, at := range x.grown[t] {
		if w.now.Sub(at) < 24*time.Hour {
			today++
		}
	}
	switch {
	case has < had || now.Requests.Memory.Or(0) < before.Requests.Memory.Or(0):
		return fmt.Errorf("it shrank from %s to %s", had, has)
	case now != before && w.manager == nil:
		return fmt.Errorf("it changed while nobody looked")
	case now != before && t.DryRun:
		return fmt.Errorf("a dry run changed it")
	case has != had && has > t.Settings.Max.Memory.Or(has):
		return fmt.Errorf("it grew to %s, above its maximum", has)
	case has != had && had >= t.Settings.Max.Memory.Or(had+1):
		return fmt.Errorf("it changed at its maximum")
	case today > t.Settings.MaxIncreasesPerDay:
		return fmt.Errorf("%d increases within a day", today)
	case size.QOSOf(now) != size.QOSOf(x.first[t]):
		return fmt.Errorf("its QoS class changed to %s", size.QOSOf(now))
	}
	return nil
}

func (x *watch) checkPlan(w *World, t *Tenant) error {
	p, looked := w.manager.plans[t]
	if !looked {
		for _, c := range t.containers {
			if c.reportedAt != w.now {
				continue
			}
			for _, k := range c.reported.Kills() {
				if x.answered[k.Key] == 0 && w.manager.inbox[k.Key].Key != k.Key {
					return fmt.Errorf("%s is shown, and nobody looks", k)
				}
			}
		}
		return nil
	}
	container := false
	for _, k := range w.manager.judged[t] {
		if w.owner(k.PodUID) != t {
			return fmt.Errorf("it was given the kill %v", k.Key)
		}
		container = container || k.Class == decision.KillContainer
	}
	held := p.Verdict() == decision.VerdictHeld
	switch {
	case container && p.Demand.Kind != plan.DemandOOM:
		return fmt.Errorf("a kill was seen and not answered: %s", p.Message)
	case container && p.Verdict() != decision.VerdictScaleUp && !held:
		return fmt.Errorf("a kill was seen and the verdict is %s", p.Verdict())
	case container && held && p.Gate.PassedByUrgent():
		return fmt.Errorf("urgent growth was held by %s", p.Gate)
	case container && held && p.Gate == "" && !p.AtMaximum:
		return fmt.Errorf("urgent growth was held without a gate, below the maximum: %s", p.Message)
	case p.AtMaximum && p.To != p.From:
		return fmt.Errorf("it changed at its maximum: %s", p.Message)
	case len(w.manager.judged[t]) == 0 && p.Verdict() == decision.VerdictScaleUp && p.Demand.Kind != plan.DemandMinimum:
		return fmt.Errorf("it grew without a kill")
	}
	return nil
}
