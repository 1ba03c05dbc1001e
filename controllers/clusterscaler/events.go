package clusterscaler

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/actuate"
)

// Actions of events: what Metapilot did, or did not do.
const (
	actionResize = "Resize"
	actionHold   = "Hold"
	actionDryRun = "DryRun"
	actionReport = "Report"
)

// speak tells of what changed since before: a component that is held now for another reason, a dry run's answer, and
// conditions that want a person. That somebody else has taken a workload in hand, or that a saving waits, is no alarm. It runs after the status was written, and says nothing of what stayed as it was.
func (r *Reconciler) speak(t *tenant, before *v1alpha1.ClusterScaler) {
	was := map[string]v1alpha1.ComponentStatus{}
	for _, c := range before.Status.Components {
		was[c.Name] = c
	}
	for _, c := range t.components {
		old := was[c.spec.Name]
		if c.status.Verdict == decision.VerdictHeld && c.status.Gate != decision.GateUnmanaged && !c.plan.Demand.Down() && (old.Verdict != c.status.Verdict || old.Reason != c.status.Reason) {
			r.say(t, corev1.EventTypeWarning, string(c.status.Reason), actionHold, "%s: %s", c.spec.Name, c.status.Message)
		}
		if c.status.LastRecord != old.LastRecord && changes(c.plan.Verdict()) && t.scaler.Spec.Mode == v1alpha1.ModeDryRun {
			r.say(t, corev1.EventTypeNormal, string(c.status.Reason), actionDryRun, "%s: %s (dry run: nothing was changed)", c.spec.Name, c.status.Message)
		}
	}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionConflicted, v1alpha1.ConditionAtMaximum} {
		now, then := meta.FindStatusCondition(t.scaler.Status.Conditions, kind), meta.FindStatusCondition(before.Status.Conditions, kind)
		bad := metav1.ConditionTrue
		if kind == v1alpha1.ConditionReady {
			bad = metav1.ConditionFalse
		}
		if now != nil && now.Status == bad && (then == nil || then.Status != bad || then.Reason != now.Reason) {
			r.say(t, corev1.EventTypeWarning, now.Reason, actionReport, "%s is %s: %s", kind, now.Status, now.Message)
		}
	}
}

// speakOf tells of a record's steps.
func (r *Reconciler) speakOf(t *tenant, c *component, record *v1alpha1.ScalingRecord, progress actuate.Progress) {
	for _, step := range progress.Steps {
		switch step.Step {
		case v1alpha1.StepResized:
			r.say(t, corev1.EventTypeNormal, string(record.Spec.Reason), actionResize, "%s: %s", c.spec.Name, record.Spec.Message)
		case v1alpha1.StepConverged, v1alpha1.StepRolledOut:
			r.say(t, corev1.EventTypeNormal, string(step.Step), actionResize, "%s: %s", c.spec.Name, orElse(step.Message, progress.Message))
		case v1alpha1.StepFallback, v1alpha1.StepFailed:
			r.say(t, corev1.EventTypeWarning, string(step.Step), actionResize, "%s: %s", c.spec.Name, orElse(step.Message, progress.Message))
		}
	}
}

func (r *Reconciler) say(t *tenant, kind, reason, action, format string, args ...any) {
	r.Events.Eventf(t.scaler, nil, kind, reason, action, "%s", truncated(fmt.Sprintf(format, args...)))
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
