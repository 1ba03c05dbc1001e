package actuate

import (
	"context"
	"fmt"
	"math"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/size"
)

// startDeployment pauses a Deployment that is at rest. With the pause the limit of its revision history rises by one:
// for as long as the ReplicaSet's template is ahead, the controller takes the current ReplicaSet for an old one, and
// would delete the oldest revision to make room for it.
func (a *Actuator) startDeployment(ctx context.Context, d *appsv1.Deployment, it intent) (look, error) {
	sets, err := a.replicaSets(ctx, d)
	if err != nil {
		return look{}, err
	}
	current, why := atRest(d, sets)
	if why != "" {
		return held(decision.ReasonRolloutInProgress, lookAgain, "the pods have the size, the template waits: %s", why), nil
	}
	it.ReplicaSet, it.ReplicaSetUID, it.RevisionHistoryLimit = current.Name, current.UID, d.Spec.RevisionHistoryLimit
	metadata, err := it.marks(d)
	if err != nil {
		return look{}, err
	}
	spec := object{"paused": true}
	if limit := it.RevisionHistoryLimit; limit != nil && *limit < math.MaxInt32 {
		spec["revisionHistoryLimit"] = *limit + 1
	}
	if err := a.patch(ctx, d, object{"metadata": metadata, "spec": spec}); err != nil {
		return look{}, fmt.Errorf("pausing deployment %s: %w", d.Name, err)
	}
	return onward(quickest, "paused the deployment to bring its template in line"), nil
}

// atRest gives the ReplicaSet that the Deployment has all its pods in, or why it is not at rest. A pod that is not
// ready does not matter: a component that crashes for want of memory is not in a rollout.
func atRest(d *appsv1.Deployment, sets []appsv1.ReplicaSet) (*appsv1.ReplicaSet, string) {
	replicas := replicasOf(d.Spec.Replicas)
	switch {
	case d.DeletionTimestamp != nil:
		return nil, "the deployment is being deleted"
	case d.Status.ObservedGeneration < d.Generation:
		return nil, "its controller has not seen the last change of the deployment yet"
	case d.Annotations[appsv1.DeprecatedRollbackTo] != "":
		return nil, "a rollback is asked for"
	case d.Status.UpdatedReplicas != replicas || d.Status.Replicas != replicas:
		return nil, fmt.Sprintf("a rollout is under way (%d pods, %d of them updated, %d wanted)", d.Status.Replicas, d.Status.UpdatedReplicas, replicas)
	}
	current := currentReplicaSet(d, sets)
	if current == nil {
		return nil, "no replica set has the deployment's template yet"
	}
	for i := range sets {
		if sets[i].UID != current.UID && (replicasOf(sets[i].Spec.Replicas) > 0 || sets[i].Status.Replicas > 0) {
			return nil, fmt.Sprintf("the old replica set %s still has pods", sets[i].Name)
		}
	}
	return current, ""
}

// currentReplicaSet finds the ReplicaSet with the Deployment's template as the Deployment controller does: equal but
// for the hash label, the oldest of several.
func currentReplicaSet(d *appsv1.Deployment, sets []appsv1.ReplicaSet) *appsv1.ReplicaSet {
	var current *appsv1.ReplicaSet
	for i := range sets {
		template := sets[i].Spec.Template.DeepCopy()
		delete(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
		if !apiequality.Semantic.DeepEqual(template, &d.Spec.Template) {
			continue
		}
		if current == nil || sets[i].CreationTimestamp.Before(&current.CreationTimestamp) {
			current = &sets[i]
		}
	}
	return current
}

// +kubebuilder:rbac:groups=apps,resources=replicasets,verbs=list

// replicaSets lists the Deployment's ReplicaSets.
func (a *Actuator) replicaSets(ctx context.Context, d *appsv1.Deployment) ([]appsv1.ReplicaSet, error) {
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return nil, fmt.Errorf("reading the selector of deployment %s: %w", d.Name, err)
	}
	var sets appsv1.ReplicaSetList
	if err := a.Client.List(ctx, &sets, client.InNamespace(d.Namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil, fmt.Errorf("listing the replica sets of deployment %s: %w", d.Name, err)
	}
	return slices.DeleteFunc(sets.Items, func(rs appsv1.ReplicaSet) bool {
		return !metav1.IsControlledBy(&rs, d) || rs.DeletionTimestamp != nil
	}), nil
}

// finishDeployment writes the size to the ReplicaSet, then to the Deployment, which it resumes with the same patch.
// Before each of the two the controllers must have seen what came before, or they would take the half-way state for a
// new revision and roll:
//
//   - the Deployment controller the pause (the Deployment's observedGeneration), before the ReplicaSet changes;
//   - the cache of ReplicaSets that all controllers of kube-controller-manager share (the ReplicaSet's
//     observedGeneration), before the Deployment changes.
func (a *Actuator) finishDeployment(ctx context.Context, d *appsv1.Deployment, it intent) (look, error) {
	if it.edited(&d.Spec.Template) {
		return a.standBack(ctx, d, it, onward(lookAgain, "somebody changed the template meanwhile; their rollout goes first"))
	}
	if has := within(containerSize(d, it.Container), it.to()); has != it.from() && !covers(has, it.to()) {
		return a.standBack(ctx, d, it, theirs("somebody set another size in the template meanwhile; it is kept"))
	}
	rs, err := a.intendedReplicaSet(ctx, d, it)
	if err != nil {
		return look{}, err
	}
	if rs == nil {
		return a.standBack(ctx, d, it, onward(lookAgain, "the replica set was replaced meanwhile"))
	}
	if !gives(&rs.Spec.Template.Spec, it.Container, it.to()) {
		switch {
		case !d.Spec.Paused:
			return a.standBack(ctx, d, it, onward(quickest, "somebody resumed the deployment meanwhile"))
		case d.Status.ObservedGeneration < d.Generation:
			return onward(a.pace(it), "waiting for the deployment controller to see the pause"), nil
		}
		if err := a.writeReplicaSet(ctx, rs, it); err != nil {
			return look{}, err
		}
	}
	if rs.Status.ObservedGeneration < rs.Generation {
		return onward(a.pace(it), "waiting for the controllers to see the size in the replica set"), nil
	}
	to := it.to()
	if err := a.resume(ctx, d, it, it.Container, &to); err != nil {
		return look{}, err
	}
	return onward(quickest, "the template has the size; waiting for the controllers to see it"), nil
}

// +kubebuilder:rbac:groups=apps,resources=replicasets,verbs=get

// intendedReplicaSet gets the ReplicaSet that the intent names, nil when it is not what it was.
func (a *Actuator) intendedReplicaSet(ctx context.Context, d *appsv1.Deployment, it intent) (*appsv1.ReplicaSet, error) {
	var rs appsv1.ReplicaSet
	err := a.Client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: it.ReplicaSet}, &rs)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading replica set %s: %w", it.ReplicaSet, err)
	case rs.UID != it.ReplicaSetUID || rs.DeletionTimestamp != nil || it.edited(&rs.Spec.Template):
		return nil, nil
	default:
		return &rs, nil
	}
}

// +kubebuilder:rbac:groups=apps,resources=replicasets,verbs=patch

// writeReplicaSet writes the size to the ReplicaSet's template, and removes the copy that the Deployment controller
// made of the intent.
func (a *Actuator) writeReplicaSet(ctx context.Context, rs *appsv1.ReplicaSet, it intent) error {
	metadata := only(rs.UID, "")
	metadata["annotations"] = object{AnnotationIntent: nil}
	err := a.patch(ctx, rs, object{
		"metadata": metadata,
		"spec":     object{"template": object{"spec": podSpec(listOf(&rs.Spec.Template.Spec, it.Container), it.Container, it.to())}},
	})
	if err != nil {
		return fmt.Errorf("writing the size to replica set %s: %w", rs.Name, err)
	}
	return nil
}

// standBack resumes the Deployment and leaves its template to whoever changed it.
func (a *Actuator) standBack(ctx context.Context, d *appsv1.Deployment, it intent, then look) (look, error) {
	return then, a.resume(ctx, d, it, "", nil)
}

// resume puts back what startDeployment changed and takes the intent off, all at once. With a size, it writes that to the
// container's template in the same patch.
func (a *Actuator) resume(ctx context.Context, d *appsv1.Deployment, it intent, container string, to *size.Size) error {
	spec := object{"paused": false}
	if was, is := it.RevisionHistoryLimit, d.Spec.RevisionHistoryLimit; was != nil && is != nil && *is == *was+1 {
		spec["revisionHistoryLimit"] = *was
	}
	if to != nil {
		spec["template"] = object{"spec": podSpec(listOf(&d.Spec.Template.Spec, container), container, *to)}
	}
	if err := a.patch(ctx, d, object{"metadata": unmarked(d), "spec": spec}); err != nil {
		return fmt.Errorf("resuming deployment %s: %w", d.Name, err)
	}
	return nil
}

// verifyDeployment looks whether the Deployment is at rest with the size in its template.
func (a *Actuator) verifyDeployment(ctx context.Context, d *appsv1.Deployment, g goal, pods []corev1.Pod) (look, error) {
	sets, err := a.replicaSets(ctx, d)
	if err != nil {
		return look{}, err
	}
	current, why := atRest(d, sets)
	if why != "" {
		return held(decision.ReasonRolloutInProgress, min(lookAgain, 10*quickest), "the template has the size; waiting: %s", why), nil
	}
	born, all := bornAfter(pods, g.resizedAt)
	if !g.resizedAt.IsZero() && current.CreationTimestamp.After(g.resizedAt) {
		return look{stage: rolledOut, message: said("the template has the size, and somebody's rollout has finished", born, all)}, nil
	}
	return look{stage: converged, message: said("the template has the size", born, all)}, nil
}

func replicasOf(replicas *int32) int32 {
	if replicas == nil {
		return 1
	}
	return *replicas
}
