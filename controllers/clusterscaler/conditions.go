package clusterscaler

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/plan"
)

// Reasons of conditions that are not those of a decision.
const (
	reasonTargetsFound = "TargetsFound"
	reasonAllFresh     = "AllFresh"
	reasonUsageUnknown = "UsageUnknown"
	reasonSoleWriter   = "SoleWriter"
	reasonBelowMaximum = "BelowMaximum"
	reasonNotPaused    = "NotPaused"
	reasonSpecInvalid  = "SpecInvalid"
)

// conditions sets the scaler's conditions from what the plans say.
func (r *Reconciler) conditions(t *tenant) {
	unready := t.collect(notReady)
	if t.elder != "" {
		unready = findings{{string(decision.ReasonAnotherScaler), fmt.Sprintf("this namespace has an older ClusterScaler, %s, and only one may act: move the components there and delete this one", t.elder)}}
	}
	t.set(v1alpha1.ConditionReady, unready, metav1.ConditionFalse, reasonTargetsFound, "every component's workload and container was found")
	t.set(v1alpha1.ConditionConflicted, t.collect(inConflict), metav1.ConditionTrue, reasonSoleWriter, "no other writer owns or reverts a component's size")
	t.set(v1alpha1.ConditionAtMaximum, t.collect(atMaximum), metav1.ConditionTrue, reasonBelowMaximum, "no component is in trouble at its maximum")
	t.set(v1alpha1.ConditionPaused, t.paused(), metav1.ConditionTrue, reasonNotPaused, "spec.pause holds nothing")
	var stale findings
	if _, err := r.Usage.Fresh(); err != nil {
		stale = findings{{reason: reasonUsageUnknown, message: fmt.Sprintf("%v; OOM kills are answered all the same", err)}}
	}
	t.set(v1alpha1.ConditionSignalsFresh, stale, metav1.ConditionFalse, reasonAllFresh, "pods are watched and their usage is measured")
}

// finding is what one component has to say to a condition.
type finding struct{ reason, message string }

type findings []finding

func (t *tenant) collect(of func(*component) (finding, bool)) findings {
	var out findings
	for _, c := range t.components {
		if f, ok := of(c); ok {
			f.message = fmt.Sprintf("%s: %s", c.spec.Name, f.message)
			out = append(out, f)
		}
	}
	return out
}

// set sets a condition to status when there are findings, and to its opposite when there are none.
func (t *tenant) set(kind string, found findings, status metav1.ConditionStatus, calmReason, calmMessage string) {
	condition := metav1.Condition{Type: kind, Status: status, Reason: calmReason, Message: calmMessage, ObservedGeneration: t.scaler.Generation}
	if len(found) == 0 {
		condition.Status = metav1.ConditionTrue
		if status == metav1.ConditionTrue {
			condition.Status = metav1.ConditionFalse
		}
	} else {
		condition.Reason = found[0].reason
		messages := make([]string, 0, len(found))
		for _, f := range found {
			messages = append(messages, f.message)
		}
		condition.Message = strings.Join(messages, "\n")
	}
	condition.LastTransitionTime = metav1.NewTime(t.now)
	meta.SetStatusCondition(&t.scaler.Status.Conditions, condition)
}

// paused is what spec.pause has to say while it lasts.
func (t *tenant) paused() findings {
	p := t.scaler.Spec.Pause
	if p == nil || !t.now.Before(p.Until.Time) {
		return nil
	}
	what := map[v1alpha1.PauseDirection]string{v1alpha1.PauseUp: "growth is", v1alpha1.PauseDown: "scale-downs are"}[p.Direction]
	if what == "" {
		what = "every change is"
	}
	message := fmt.Sprintf("%s held until %s", what, p.Until.UTC().Format(time.RFC3339))
	if p.Reason != "" {
		message += ": " + p.Reason
	}
	return findings{{string(decision.ReasonPaused), message}}
}

func notReady(c *component) (finding, bool) {
	p := c.plan
	if c.unreadable != nil {
		return finding{reasonSpecInvalid, c.unreadable.Error()}, true
	}
	switch {
	case p.Demand.Kind == plan.DemandUnknown,
		p.Reason == decision.ReasonNoLimit, p.Reason == decision.ReasonQOSClassWouldChange:
		return finding{string(p.Reason), p.Message}, true
	}
	ceiling := c.workload.Size.Ceiling()
	if !ceiling.Memory.Present() && !ceiling.CPU.Present() {
		return finding{string(decision.ReasonNoLimit), fmt.Sprintf("container %s has neither requests nor limits, and a resize may not add them: set them in %s", c.spec.Target.Container, c.workload.Name)}, true
	}
	if m, ok := c.settings.Max.Memory.Get(); ok && c.workload.template.Ceiling().Memory.Or(0) > m {
		return finding{"AboveMaximum", fmt.Sprintf("memory %s lies above bounds.max.memory %s, and Metapilot does not shrink it: raise the bound, or lower the workload's limit", c.workload.template.Ceiling().Memory, m)}, true
	}
	return finding{}, false
}

func inConflict(c *component) (finding, bool) {
	switch {
	case c.plan.Gate == decision.GateConflicted:
		return finding{string(c.plan.Reason), c.plan.Message}, true
	case c.workload.ForeignOwner != "" && c.settings.HoldForForeignOwner:
		return finding{string(decision.ReasonForeignOwner), fmt.Sprintf("%s owns the resources of %s: its template is not written, only an emergency resizes its running pods; change them there, or set actuation.inPlace.onForeignOwner to TakeOver", c.workload.ForeignOwner, c.workload.Name)}, true
	default:
		return finding{}, false
	}
}

func atMaximum(c *component) (finding, bool) {
	return finding{string(c.plan.Reason), c.plan.Message}, c.plan.AtMaximum
}
