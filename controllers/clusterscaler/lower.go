package clusterscaler

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/controllers/budget"
	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/scalers/use"
	"github.com/metapilot/metapilot/size"
)

// lower carries a scale-down out, if the fleet's budget still has room for it: other tenants may have used it up since the
// plan was made.
func (r *Reconciler) lower(ctx context.Context, t *tenant, c *component) (time.Duration, error) {
	if t.scaler.Spec.Mode == v1alpha1.ModeAuto && !r.Budget.Spend(t.now, t.scaler.Namespace, c.spec.Name) {
		c.plan = plan.Decide(c.snapshot(t.now, plan.Fleet{BudgetSpent: "the fleet's budget of scale-downs has been used up by other tenants at the same time"}))
		again, err := r.carryOn(ctx, t, c)
		return sooner(again, heldAgain), err
	}
	return r.carryOut(ctx, t, c)
}

// loadBudget tells the ledger, once, what all the objects say.
func (r *Reconciler) loadBudget(ctx context.Context) error {
	if r.Budget.Loaded() {
		return nil
	}
	var list v1alpha1.ClusterScalerList
	if err := r.Client.List(ctx, &list); err != nil {
		return fmt.Errorf("reading what the fleet did before: %w", err)
	}
	all := map[string]map[string]time.Time{}
	for i := range list.Items {
		if !slices.ContainsFunc(list.Items[i].Spec.Components, func(c v1alpha1.Component) bool { return c.ScaleDown != nil }) {
			continue // of a tenant that never shrinks nobody needs to know whether it sees
		}
		all[list.Items[i].Namespace] = downs(list.Items[i].Status.Components)
	}
	r.Budget.Load(all)
	return nil
}

func downs(components []v1alpha1.ComponentStatus) map[string]time.Time {
	out := map[string]time.Time{}
	for _, c := range components {
		if c.LastScaleDownTime != nil {
			out[c.Name] = c.LastScaleDownTime.Time
		}
	}
	return out
}

// observe tells the ledger how the tenant stands. A tenant of which nothing may be made smaller does not count.
func (r *Reconciler) observe(t *tenant) {
	s := budget.Standing{Downs: downs(t.scaler.Status.Components)}
	counts := false
	for _, c := range t.components {
		if !c.settings.Down.Configured || c.settings.Down.Disabled {
			continue
		}
		counts = true
		cpu, memory := c.settings.CPU.Judge(c.use.CPU, t.now, c.settings.UseMaxAge), c.settings.Memory.Judge(c.use.Memory, t.now, c.settings.UseMaxAge)
		s.Blind = s.Blind || cpu == use.LevelUnknown || memory == use.LevelUnknown || c.profile.Stale != "" ||
			c.plan.Gate == decision.GateBlind && c.plan.Reason == decision.ReasonSignalsMissing
		s.Wants = s.Wants || c.plan.Demand.Down()
	}
	if !counts {
		r.Budget.Forget(t.scaler.Namespace)
		return
	}
	r.Budget.Observe(t.now, t.scaler.Namespace, s)
}

// noteUndo remembers that a record takes a scale-down back: the next one waits longer.
func (c *component) noteUndo(record *v1alpha1.ScalingRecord) {
	if c.record == nil || c.record.Name == record.Name || !takesBack(record, c.record) {
		return
	}
	c.status.UndoneCount = new(or(c.status.UndoneCount, 0) + 1)
	c.noteTrouble(record.Spec.DecidedAt.Time)
}

// takesBack tells whether a record follows a scale-down with growth.
func takesBack(record, old *v1alpha1.ScalingRecord) bool {
	return old.Spec.Verdict == decision.VerdictScaleDown && record.Spec.Verdict == decision.VerdictScaleUp
}

// scaleDownAllowed is before when nothing that is known now lets the component be made smaller; nil when it may be now.
func (c *component) scaleDownAllowed() *metav1.Time {
	if !c.settings.Down.Configured {
		return nil
	}
	var until time.Time
	later := func(last size.Opt[time.Time], wait time.Duration) {
		if at, ok := last.Get(); ok && at.Add(wait).After(until) {
			until = at.Add(wait)
		}
	}
	h := c.readHistory()
	later(h.LastChange, c.settings.DownCooldown(h.Undone))
	later(h.LastTrouble, c.settings.Down.Quiet)
	if until.IsZero() {
		return nil
	}
	return new(metav1.NewTime(until.Truncate(time.Second)))
}

// useEvidence is what was measured of the component's use when its plan was made.
func (c *component) useEvidence() *v1alpha1.UseEvidence {
	latest := size.Amounts{}
	if v, ok := c.use.CPU.Latest.Get(); ok {
		latest.CPU = size.Of(size.MilliCPU(v))
	}
	if v, ok := c.use.Memory.Latest.Get(); ok {
		latest.Memory = size.Of(size.Bytes(v))
	}
	e := &v1alpha1.UseEvidence{Latest: sizes.AmountsToAPI(latest), Low: usesToAPI(c.use), Undoes: c.plan.Undoes}
	if at := c.use.Memory.SeenAt; !at.IsZero() {
		e.MeasuredTime = new(metav1.NewTime(at))
	}
	return e
}
