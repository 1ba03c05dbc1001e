package actuate

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/size"
)

const (
	// unschedulableFor is how long a new pod may find no node; time enough for a node to be added.
	unschedulableFor = 3 * time.Minute
	// stuckFor is how long a rollout may go without a new pod; it is Kubernetes' default for progressDeadlineSeconds.
	stuckFor = 10 * time.Minute
)

// rollOut writes the template and lets the workload's own rolling update carry the size out: surge, disruption and
// gating on readiness are as its owner has set them. A rollout that is stuck is undone: a component that lives with
// too little is better off than one that waits for a node.
func (a *Actuator) rollOut(ctx context.Context, c Change) (Progress, error) {
	target := c.Record.Spec.Target
	obj, err := a.read(ctx, c.Record.Namespace, target)
	if apierrors.IsNotFound(err) {
		return a.failed(c, decision.ReasonWorkloadNotFound, "%s %s is gone", target.Kind, target.Name), nil
	}
	if err != nil {
		return Progress{}, err
	}
	if hold, ok := Unmanaged(obj); ok && !Converging(obj) {
		return c.waiting(hold.Reason, holdPace, "the rolling update waits: %s", hold.Message), nil
	}
	g := goalOf(c.Record)
	if Converging(obj) || !gives(&templateOf(obj).Spec, g.container, g.to) {
		return a.beginRollout(ctx, c, obj, g)
	}
	if why := rolloutStuck(obj, c, a.Clock.Now()); why != "" {
		return a.undo(ctx, c, obj, g, why)
	}
	if done, message := rolloutDone(obj); !done {
		return c.waiting("", lookAgain, "%s", message), nil
	}
	return a.moved(c, v1alpha1.PhaseWatching, v1alpha1.StepRolledOut, "the rolling update has finished: every pod was born with the size"), nil
}

// beginRollout writes the size to the template, and with the same patch ends what convergence may have left behind.
func (a *Actuator) beginRollout(ctx context.Context, c Change, obj client.Object, g goal) (Progress, error) {
	if since, ok := reachedAt(c.Record, v1alpha1.StepFallback); ok {
		if by, ok := lastWriter(obj, g.container); ok && by.Name != string(FieldOwner) && by.Time.After(since) {
			return a.failed(c, decision.ReasonTemplateChanged, "%s set another size in the template at %s; it is kept", by.Name, by.Time.UTC().Format(time.RFC3339)), nil
		}
	}
	err := a.writeTemplate(ctx, obj, g)
	switch {
	case apierrors.IsConflict(err):
		return c.waiting("", quickest, "the workload was written to at the same time; looking again"), nil
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err):
		return a.failed(c, decision.ReasonResizeRefused, "the API server refuses the size in the template: %v", err), nil
	case err != nil:
		return Progress{}, err
	}
	return c.waiting("", lookAgain, "the size is in the template; the rolling update is under way"), nil
}

func (a *Actuator) writeTemplate(ctx context.Context, obj client.Object, g goal) error {
	it, begun, err := intentOf(obj)
	if err != nil {
		return err
	}
	switch w := obj.(type) {
	case *appsv1.Deployment:
		if begun {
			return a.resume(ctx, w, it, g.container, &g.to)
		}
	case *appsv1.StatefulSet:
		if begun {
			return a.restore(ctx, w, it, g.container, &g.to)
		}
	}
	return a.setTemplate(ctx, obj, podSpec(listOf(&templateOf(obj).Spec, g.container), g.container, g.to))
}

func (a *Actuator) setTemplate(ctx context.Context, obj client.Object, spec object) error {
	err := a.patch(ctx, obj, object{
		"metadata": only(obj.GetUID(), obj.GetResourceVersion()),
		"spec":     object{"template": object{"spec": spec}},
	})
	if err != nil {
		return fmt.Errorf("writing the template of %s: %w", obj.GetName(), err)
	}
	return nil
}

// rolloutDone tells whether every pod is of the new template and available.
func rolloutDone(obj client.Object) (bool, string) {
	var wanted, updated, all, available int32
	var seen bool
	switch w := obj.(type) {
	case *appsv1.Deployment:
		wanted, updated, all, available = replicasOf(w.Spec.Replicas), w.Status.UpdatedReplicas, w.Status.Replicas, w.Status.AvailableReplicas
		seen = w.Status.ObservedGeneration >= w.Generation
	case *appsv1.StatefulSet:
		wanted, updated, all, available = replicasOf(w.Spec.Replicas), w.Status.UpdatedReplicas, w.Status.Replicas, w.Status.AvailableReplicas
		seen = w.Status.ObservedGeneration >= w.Generation
	}
	if !seen {
		return false, "waiting for the controller to see the new template"
	}
	return updated == wanted && all == wanted && available >= wanted,
		fmt.Sprintf("rolling update: %d of %d pods have the size, %d are available", updated, wanted, available)
}

// rolloutStuck tells why a rollout does not get on, "" when it does.
func rolloutStuck(obj client.Object, c Change, now time.Time) string {
	if done, _ := rolloutDone(obj); done {
		return ""
	}
	if d, ok := obj.(*appsv1.Deployment); ok && d.Status.ObservedGeneration >= d.Generation {
		for _, cond := range d.Status.Conditions {
			if cond.Type == appsv1.DeploymentProgressing && cond.Status == corev1.ConditionFalse {
				return cond.Message
			}
		}
	}
	latest, _ := reachedAt(c.Record, v1alpha1.StepFallback)
	for i := range c.Pods {
		pod := &c.Pods[i]
		if since, ok := unschedulableSince(pod); ok && now.Sub(since) >= unschedulableFor {
			return fmt.Sprintf("no node has room for pod %s", pod.Name)
		}
		if pod.CreationTimestamp.After(latest) {
			latest = pod.CreationTimestamp.Time
		}
	}
	if s, ok := obj.(*appsv1.StatefulSet); ok && now.Sub(latest) >= stuckFor {
		return "no pod was replaced for " + stuckFor.String() + whyNotRolling(s)
	}
	return ""
}

func whyNotRolling(s *appsv1.StatefulSet) string {
	if strategy := s.Spec.UpdateStrategy; strategy.Type == appsv1.OnDeleteStatefulSetStrategyType {
		return ": its update strategy is OnDelete, delete its pods one by one"
	} else if strategy.RollingUpdate != nil && strategy.RollingUpdate.Partition != nil && *strategy.RollingUpdate.Partition > 0 {
		return fmt.Sprintf(": its update strategy keeps the pods below partition %d", *strategy.RollingUpdate.Partition)
	}
	return ""
}

func unschedulableSince(pod *corev1.Pod) (time.Time, bool) {
	if !alive(pod) || pod.Status.Phase != corev1.PodPending {
		return time.Time{}, false
	}
	for _, cond := range pod.Status.Conditions {
		if cond.Type == corev1.PodScheduled && cond.Status == corev1.ConditionFalse && cond.Reason == corev1.PodReasonUnschedulable {
			return cond.LastTransitionTime.Time, true
		}
	}
	return time.Time{}, false
}

// undo puts the old size back into the template, and into the pods that found no node: a StatefulSet waits for such a
// pod for ever, and would not make it anew.
func (a *Actuator) undo(ctx context.Context, c Change, obj client.Object, g goal, why string) (Progress, error) {
	var waiting []corev1.Pod
	for i := range c.Pods {
		if _, ok := unschedulableSince(&c.Pods[i]); ok {
			waiting = append(waiting, c.Pods[i])
		}
	}
	back := within(g.from, g.to)
	err := a.setTemplate(ctx, obj, podSpecBack(listOf(&templateOf(obj).Spec, g.container), g.container, withoutReplicas(g.to), back))
	if apierrors.IsConflict(err) {
		return c.waiting("", quickest, "the workload was written to at the same time; looking again"), nil
	}
	if err != nil {
		return Progress{}, err
	}
	if back != (size.Size{}) {
		if _, err := a.ResizePods(ctx, waiting, g.container, back); err != nil {
			return Progress{}, err
		}
	}
	return a.failed(c, decision.ReasonRolloutStuck, "the rolling update got stuck (%s) and was undone; make room on the nodes, add one, or lower bounds.max", why), nil
}
