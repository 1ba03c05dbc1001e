package actuate

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/size"
)

// startStatefulSet sets a StatefulSet that is at rest to OnDelete and writes the size to its template, with one patch:
// the controller cannot see the template without the strategy.
func (a *Actuator) startStatefulSet(ctx context.Context, s *appsv1.StatefulSet, it intent, pods []corev1.Pod) (look, error) {
	if why := unsettled(s, pods); why != "" {
		return held(decision.ReasonRolloutInProgress, lookAgain, "the pods have the size, the template waits: %s", why), nil
	}
	it.UpdateStrategy = s.Spec.UpdateStrategy.DeepCopy()
	metadata, err := it.marks(s)
	if err != nil {
		return look{}, err
	}
	err = a.patch(ctx, s, object{"metadata": metadata, "spec": object{
		"updateStrategy": object{"$patch": "replace", "type": appsv1.OnDeleteStatefulSetStrategyType},
		"template":       object{"spec": podSpec(listOf(&s.Spec.Template.Spec, it.Container), it.Container, it.to())},
	}})
	if err != nil {
		return look{}, fmt.Errorf("setting statefulset %s to OnDelete: %w", s.Name, err)
	}
	return onward(quickest, "set the statefulset to OnDelete to bring its template in line"), nil
}

// unsettled tells why a StatefulSet is not at rest: every pod there, and of the revision that its template is. Readiness
// does not matter.
func unsettled(s *appsv1.StatefulSet, pods []corev1.Pod) string {
	replicas := replicasOf(s.Spec.Replicas)
	switch {
	case s.DeletionTimestamp != nil:
		return "the statefulset is being deleted"
	case s.Status.ObservedGeneration < s.Generation:
		return "its controller has not seen the last change of the statefulset yet"
	case s.Status.Replicas != replicas || s.Status.UpdatedReplicas != replicas:
		return fmt.Sprintf("a rollout is under way (%d pods, %d of them updated, %d wanted)", s.Status.Replicas, s.Status.UpdatedReplicas, replicas)
	case s.Spec.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType && s.Status.CurrentRevision != s.Status.UpdateRevision:
		return "a rollout is not complete (currentRevision is not updateRevision)"
	}
	for i := range pods {
		if alive(&pods[i]) && pods[i].Labels[appsv1.StatefulSetRevisionLabel] != s.Status.UpdateRevision {
			return fmt.Sprintf("pod %s is of another revision", pods[i].Name)
		}
	}
	return ""
}

// finishStatefulSet labels the pods with the revision of the new template and puts the strategy back. Before each of
// the two the controller must have seen what came before:
//
//   - the template (observedGeneration), or updateRevision would not be the one of the new template;
//   - the labels (updatedReplicas), or it would take the pods for old ones, once it may roll again, and delete them:
//     it reads StatefulSets and pods from two caches, and nothing else says which pods it has seen.
func (a *Actuator) finishStatefulSet(ctx context.Context, s *appsv1.StatefulSet, it intent, pods []corev1.Pod) (look, error) {
	has := within(containerSize(s, it.Container), it.to())
	switch {
	case it.edited(&s.Spec.Template) && covers(has, it.to()):
		return onward(lookAgain, "somebody changed the template meanwhile; their rollout goes first"), a.restore(ctx, s, it, "", nil)
	case it.edited(&s.Spec.Template), has != it.from() && !covers(has, it.to()):
		return theirs("somebody set another size in the template meanwhile; it is kept"), a.restore(ctx, s, it, "", nil)
	case s.Status.ObservedGeneration < s.Generation:
		return onward(a.pace(it), "waiting for the statefulset controller to see the template"), nil
	}
	labelled, err := a.labelPods(ctx, pods, s.Status.UpdateRevision)
	if err != nil {
		return look{}, err
	}
	if s.Status.UpdatedReplicas != s.Status.Replicas || int(s.Status.UpdatedReplicas) < labelled || bornOld(s) {
		return onward(a.pace(it), "waiting for the statefulset controller to see the revision of %d pods (it sees %d of %d)",
			labelled, s.Status.UpdatedReplicas, s.Status.Replicas), nil
	}
	if err := a.restore(ctx, s, it, "", nil); err != nil {
		return look{}, err
	}
	if !covers(has, it.to()) {
		return theirs("somebody set the old size in the template meanwhile; it is kept, and no pod was restarted for it"), nil
	}
	return onward(quickest, "the template has the size; waiting for the controller to see it"), nil
}

// bornOld tells whether a pod that is missing now would be born with the old template, should the strategy be put back
// before: with a partition, the controller makes the pods below it from currentRevision.
func bornOld(s *appsv1.StatefulSet) bool {
	it, ok, err := intentOf(s)
	if err != nil || !ok || it.UpdateStrategy == nil || it.UpdateStrategy.RollingUpdate == nil {
		return false
	}
	partition := it.UpdateStrategy.RollingUpdate.Partition
	return partition != nil && *partition > 0 && s.Status.Replicas != replicasOf(s.Spec.Replicas)
}

// +kubebuilder:rbac:groups="",resources=pods,verbs=patch

// labelPods says of every living pod that it is of the revision, which it is but for its name: it was of the one before,
// and has the size. It gives how many there are. A pod that is another by now is skipped.
func (a *Actuator) labelPods(ctx context.Context, pods []corev1.Pod, revision string) (int, error) {
	labelled := 0
	for i := range pods {
		pod := &pods[i]
		if !alive(pod) {
			continue
		}
		if pod.Labels[appsv1.StatefulSetRevisionLabel] != revision {
			metadata := only(pod.UID, "")
			metadata["labels"] = object{appsv1.StatefulSetRevisionLabel: revision}
			stub := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}}
			err := a.patch(ctx, stub, object{"metadata": metadata})
			if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
				continue
			}
			if err != nil {
				return labelled, fmt.Errorf("labelling pod %s with its revision: %w", pod.Name, err)
			}
		}
		labelled++
	}
	return labelled, nil
}

// restore puts back the strategy, unless somebody has set one meanwhile, and takes the intent off, all at once.
//
// With a size, it writes that to the container's template in the same patch.
func (a *Actuator) restore(ctx context.Context, s *appsv1.StatefulSet, it intent, container string, to *size.Size) error {
	spec := object{}
	if it.UpdateStrategy != nil && s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType {
		strategy, err := replacing(it.UpdateStrategy)
		if err != nil {
			return err
		}
		spec["updateStrategy"] = strategy
	}
	if to != nil {
		spec["template"] = object{"spec": podSpec(listOf(&s.Spec.Template.Spec, container), container, *to)}
	}
	if err := a.patch(ctx, s, object{"metadata": unmarked(s), "spec": spec}); err != nil {
		return fmt.Errorf("putting back the update strategy of statefulset %s: %w", s.Name, err)
	}
	return nil
}

// replacing makes the piece of a patch that puts a value in the place of all that is there.
func replacing(value any) (object, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("writing a patch: %w", err)
	}
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("writing a patch: %w", err)
	}
	o["$patch"] = "replace"
	return o, nil
}

// verifyStatefulSet looks whether the StatefulSet is at rest with the size in its template. currentRevision follows only
// when every pod is ready, which may take as long as it likes: no pod is born from it any more.
func verifyStatefulSet(s *appsv1.StatefulSet, g goal, pods []corev1.Pod) look {
	allReady := s.Status.ReadyReplicas == replicasOf(s.Spec.Replicas)
	why := unsettled(s, pods)
	if why != "" && (allReady || s.Status.UpdatedReplicas != replicasOf(s.Spec.Replicas) || s.Status.ObservedGeneration < s.Generation) {
		return held(decision.ReasonRolloutInProgress, min(lookAgain, 10*quickest), "the template has the size; waiting: %s", why)
	}
	born, all := bornAfter(pods, g.resizedAt)
	if all > 0 && born == all {
		return look{stage: rolledOut, message: said("the template has the size, and somebody's rollout has finished", born, all)}
	}
	return look{stage: converged, message: said("the template has the size", born, all)}
}
