package clusterscaler

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/controllers/actuate"
	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/size"
)

// report writes the status once, if it changed, and then speaks of what changed.
func (r *Reconciler) report(ctx context.Context, t *tenant, before *v1alpha1.ClusterScaler) error {
	status := &t.scaler.Status
	status.ObservedGeneration = t.scaler.Generation
	status.Components = nil
	for _, c := range t.components {
		c.describe()
		status.Components = append(status.Components, c.status)
	}
	r.observe(t)
	status.Summary = summary(status.Components)
	r.conditions(t)
	if !apiequality.Semantic.DeepEqual(before.Status, *status) {
		patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
		if err := r.Client.Status().Patch(ctx, t.scaler, patch, actuate.FieldOwner); err != nil {
			return client.IgnoreNotFound(fmt.Errorf("writing the status: %w", err))
		}
	}
	r.settle(t)
	r.metrics.report(t)
	r.speak(t, before)
	return nil
}

// settle forgets what needed remembering only until the status was written.
func (r *Reconciler) settle(t *tenant) {
	var done []oom.Key
	for _, c := range t.components {
		for _, a := range c.answered() {
			done = append(done, a.key)
		}
	}
	r.inbox.done(t.scaler.Namespace, done)
	r.restarts.set(t.scaler.Namespace, t.restarts)
	uses := map[string]plan.Use{}
	for _, c := range t.components {
		if c.settings.usesMatter() {
			uses[c.spec.Name] = c.use
		}
	}
	r.tracks.set(client.ObjectKeyFromObject(t.scaler), uses)
}

// describe puts what the plan says into the component's status.
func (c *component) describe() {
	c.status.Current = nil
	if c.workload.ContainerFound {
		c.status.Current = new(sizes.ToAPI(c.workload.template))
	}
	c.status.Verdict, c.status.Gate = c.plan.Verdict(), c.plan.Gate
	c.status.Reason, c.status.Message = c.plan.Reason, truncated(c.plan.Message)
	if estimates := estimatesToAPI(c.plan); !alike(c.status.Estimates, estimates) {
		c.status.Estimates = estimates
	}
	c.describeUse()
	c.status.ScaleDownAllowedTime = c.scaleDownAllowed()
	if c.plan.Verdict() == decision.VerdictSteady && c.record != nil && c.status.OpenRecord != "" {
		c.status.Message = truncated(fmt.Sprintf("%s; %s: %s", c.plan.Message, c.record.Name, c.record.Status.Message))
	}
}

// moved is by how much an estimate's amount must have moved for the status to be written anew. Use moves all the time; a
// record has the answers to the last digit.
const moved = 0.1

// alike tells whether estimators answer much as they did.
func alike(was, is []v1alpha1.EstimateStatus) bool {
	return slices.EqualFunc(was, is, func(a, b v1alpha1.EstimateStatus) bool {
		if a.Estimator != b.Estimator || a.Lower == nil != (b.Lower == nil) || a.Target == nil != (b.Target == nil) || a.Upper == nil != (b.Upper == nil) {
			return false
		}
		if a.Target == nil && a.Lower == nil && a.Message != b.Message {
			return false
		}
		return near(a.Lower, b.Lower) && near(a.Target, b.Target) && near(a.Upper, b.Upper)
	})
}

func near(a, b *v1alpha1.ResourceAmounts) bool {
	x, y := sizes.AmountsFromAPI(a), sizes.AmountsFromAPI(b)
	return nearly(x.CPU, y.CPU) && nearly(x.Memory, y.Memory)
}

func nearly[T size.MilliCPU | size.Bytes](a, b size.Opt[T]) bool {
	x, y := float64(a.Or(0)), float64(b.Or(0))
	return a.Present() == b.Present() && math.Abs(x-y) <= moved*x
}

// attention says how much a component wants a person's attention: the more, the larger.
func attention(c *v1alpha1.ComponentStatus) int {
	switch c.Verdict {
	case decision.VerdictUnknown:
		return 4
	case decision.VerdictHeld:
		if waits(c.Gate) {
			return 1
		}
		return 3
	case decision.VerdictScaleUp, decision.VerdictScaleDown:
		return 2
	}
	if c.OpenRecord != "" {
		return 1
	}
	return 0
}

// waits tells whether a change that the gate holds needs only time, not a person.
func waits(g decision.Gate) bool {
	switch g {
	case decision.GateOutsideWindow, decision.GateCoolingDown, decision.GateRecentTrouble, decision.GateOverBudget, decision.GateTooSmall:
		return true
	default:
		return false
	}
}

// scaledAt is when a component was last made larger or smaller; the zero time when it never was.
func scaledAt(c *v1alpha1.ComponentStatus) (at time.Time) {
	for _, t := range []*metav1.MicroTime{c.LastScaleUpTime, c.LastScaleDownTime} {
		if t != nil && t.After(at) {
			at = t.Time
		}
	}
	return at
}

// summary picks the component that most wants attention; among equals the one that changed last, then the first.
func summary(components []v1alpha1.ComponentStatus) *v1alpha1.Summary {
	if len(components) == 0 {
		return nil
	}
	c := slices.MaxFunc(components, func(a, b v1alpha1.ComponentStatus) int {
		if d := attention(&a) - attention(&b); d != 0 {
			return d
		}
		return scaledAt(&a).Compare(scaledAt(&b))
	})
	return &v1alpha1.Summary{Component: c.Name, Verdict: c.Verdict, Reason: c.Reason, Message: c.Message}
}
