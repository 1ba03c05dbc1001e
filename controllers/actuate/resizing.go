package actuate

import (
	"context"
	"time"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
)

const (
	// fallbackAfter is used for a record that does not say; it is the default of the API.
	fallbackAfter = time.Minute
	// lookAgain is the pace where no watch event is sure to come.
	lookAgain = 5 * time.Second
)

// begin orders the size for every pod. It reads nothing first: in an emergency every call counts.
func (a *Actuator) begin(ctx context.Context, c Change) (Progress, error) {
	resized, err := a.order(ctx, c)
	if err != nil {
		return Progress{}, err
	}
	if len(resized.Refused) > 0 {
		return a.refused(c, resized), nil
	}
	if resized.Without > 0 && resized.Accepted+resized.Already == 0 {
		return a.failed(c, decision.ReasonContainerNotFound, "no pod of %s %s has a container or sidecar %q: correct target.container",
			c.Record.Spec.Target.Kind, c.Record.Spec.Target.Name, c.Record.Spec.Target.Container), nil
	}
	return a.moved(c, v1alpha1.PhaseResizing, v1alpha1.StepResized, "the API server accepted the size for %d pods, %d had it",
		resized.Accepted, resized.Already), nil
}

func (a *Actuator) order(ctx context.Context, c Change) (Resized, error) {
	return a.ResizePods(ctx, c.Pods, c.Record.Spec.Target.Container, sizes.FromAPI(&c.Record.Spec.To))
}

// refused answers pods that the API server will not resize: a rolling update carries the size out where a new pod may
// have it; where a quota or the QoS class is in the way it would only make things worse.
func (a *Actuator) refused(c Change, r Resized) Progress {
	for _, refusal := range r.Refused {
		switch {
		case refusal.QOS:
			return a.failed(c, decision.ReasonQOSClassWouldChange, "%s; set requests and limits so that the class stays", refusal)
		case refusal.Forbidden:
			return a.failed(c, decision.ReasonResizeRefused, "the API server refuses the size (%s): raise the quota or limit range, or lower bounds.max", refusal)
		}
	}
	return a.fallBack(c, decision.ReasonResizeRefused, "the API server refuses to resize in place: "+list(r.Refused))
}

// awaitResized waits until every kubelet reports the size.
func (a *Actuator) awaitResized(ctx context.Context, c Change) (Progress, error) {
	resized, err := a.order(ctx, c) // those that were born with the old template since
	if err != nil {
		return Progress{}, err
	}
	if len(resized.Refused) > 0 {
		return a.refused(c, resized), nil
	}
	by := a.reports(c)
	switch open := len(by[stateUnordered]) + len(by[stateUnanswered]); {
	case len(by[stateInfeasible]) > 0:
		return a.fallBack(c, decision.ReasonResizeInfeasible, list(by[stateInfeasible])), nil
	case len(by[stateDeferred])+len(by[stateFaulty]) > 0:
		return a.awaitRoom(c, append(by[stateDeferred], by[stateFaulty]...)), nil
	case open > 0:
		return c.waiting("", lookAgain, "waiting for the kubelets: %s", list(append(by[stateUnordered], by[stateUnanswered]...))), nil
	case leavesTemplate(c.Record):
		return a.moved(c, v1alpha1.PhaseWatching, v1alpha1.StepActuated, "every pod has the size; the template is left as it is"), nil
	default:
		return a.moved(c, v1alpha1.PhaseConverging, v1alpha1.StepActuated, "every pod has the size"), nil
	}
}

// reports sorts the pods by how far they have come.
func (a *Actuator) reports(c Change) map[podState][]podReport {
	to := sizes.FromAPI(&c.Record.Spec.To)
	by := map[podState][]podReport{}
	for i := range c.Pods {
		if report, ok := reportOn(&c.Pods[i], c.Record.Spec.Target.Container, to); ok {
			by[report.state] = append(by[report.state], report)
		}
	}
	return by
}

// awaitRoom waits for kubelets that try again, and falls back when they have been given their time. The time counts
// from the Resized step, so a restart of the manager does not start it anew.
func (a *Actuator) awaitRoom(c Change, pods []podReport) Progress {
	wait := fallbackAfter
	if act := c.Record.Spec.Actuation; act != nil && act.FallbackAfterSeconds != nil {
		wait = time.Duration(*act.FallbackAfterSeconds) * time.Second
	}
	since, ok := reachedAt(c.Record, v1alpha1.StepResized)
	if !ok {
		since = c.Record.Spec.DecidedAt.Time
	}
	left := since.Add(wait).Sub(a.Clock.Now())
	switch {
	case leavesTemplate(c.Record):
		return c.waiting(decision.ReasonResizeDeferred, time.Minute, "waiting for room: %s; the template is another's, so there is no rolling update to fall back to", list(pods))
	case left > 0:
		return c.waiting(decision.ReasonResizeDeferred, left, "waiting for room, for %s more: %s", left.Round(time.Second), list(pods))
	default:
		return a.fallBack(c, decision.ReasonResizeDeferred, "no room for "+wait.String()+": "+list(pods))
	}
}

// fallBack begins a rolling update, where the template may be written.
func (a *Actuator) fallBack(c Change, reason decision.Reason, why string) Progress {
	if leavesTemplate(c.Record) {
		return a.failed(c, reason, "%s; the template is left to its owner, so no rolling update is begun: set the size there, or make room on the node", why)
	}
	p := a.moved(c, v1alpha1.PhaseRollingOut, v1alpha1.StepFallback, "%s; a rolling update carries the size out instead", why)
	p.Reason = reason
	return p
}
