package clusterscaler

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/controllers/actuate"
	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/scalers/oom/sighting"
	"github.com/metapilot/metapilot/size"
)

// workload is what was read of a component's Deployment or StatefulSet.
type workload struct {
	plan.Workload
	selector labels.Selector
	// ownerKind is the kind of object that owns the workload's pods.
	ownerKind string
	name      string
	// template is the size that the pod template gives.
	template size.Size
	// converging: Metapilot has begun to bring the template in line, and has not finished.
	converging bool
}

// workload reads a target, from the API server when live, else from the caches. A target that does not exist is not an
// error: Found is false.
func (r *Reconciler) workload(ctx context.Context, namespace string, target v1alpha1.Target, live bool) (workload, error) {
	w := workload{name: target.Name, selector: labels.Nothing()}
	w.Name, w.Container = fmt.Sprintf("%s %s", target.Kind, target.Name), target.Container
	var err error
	switch target.Kind {
	case v1alpha1.TargetStatefulSet:
		var s *appsv1.StatefulSet
		if s, err = get(ctx, r.Live, live, namespace, target.Name, &appsv1.StatefulSet{}, r.Fleet.StatefulSet); err == nil {
			w.ownerKind, w.RolloutInProgress = "StatefulSet", rollingOut(s.Generation, s.Status.ObservedGeneration, s.Spec.Replicas, s.Status.Replicas, s.Status.UpdatedReplicas)
			w.Ready = s.Status.ReadyReplicas
			err = w.read(s, s.Spec.Replicas, s.Spec.Selector, &s.Spec.Template)
		}
	default:
		var d *appsv1.Deployment
		if d, err = get(ctx, r.Live, live, namespace, target.Name, &appsv1.Deployment{}, r.Fleet.Deployment); err == nil {
			w.ownerKind, w.RolloutInProgress = "ReplicaSet", rollingOut(d.Generation, d.Status.ObservedGeneration, d.Spec.Replicas, d.Status.Replicas, d.Status.UpdatedReplicas)
			w.Ready = d.Status.ReadyReplicas
			err = w.read(d, d.Spec.Replicas, d.Spec.Selector, &d.Spec.Template)
		}
	}
	if apierrors.IsNotFound(err) {
		return w, nil
	}
	if err != nil {
		return w, fmt.Errorf("reading %s: %w", w.Name, err)
	}
	return w, nil
}

// get reads an object from the API server into the given one when live, else from memory.
func get[T client.Object](ctx context.Context, reader client.Reader, live bool, namespace, name string, into T, remembered func(ctx context.Context, namespace, name string) (T, error)) (T, error) {
	if !live {
		return remembered(ctx, namespace, name)
	}
	return into, reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, into)
}

func (w *workload) read(object client.Object, replicas *int32, selector *metav1.LabelSelector, template *corev1.PodTemplateSpec) error {
	var err error
	if w.selector, err = metav1.LabelSelectorAsSelector(selector); err != nil {
		return fmt.Errorf("reading its selector: %w", err)
	}
	w.Found, w.Replicas = true, or(replicas, 1)
	if hold, held := actuate.Unmanaged(object); held && hold.Reason == decision.ReasonPausedByOthers {
		w.PausedBy = hold.Message
	}
	w.converging = actuate.Converging(object)
	w.ForeignOwner, _ = actuate.ForeignOwner(object, w.Container)
	for i := range template.Spec.Containers {
		w.add(&template.Spec.Containers[i])
	}
	for i := range template.Spec.InitContainers {
		if c := &template.Spec.InitContainers[i]; sighting.IsSidecar(c) {
			w.add(c)
		} else {
			w.Init = append(w.Init, sizes.OfContainer(c.Resources))
		}
	}
	return nil
}

// add takes down a container that runs as long as its pod.
func (w *workload) add(c *corev1.Container) {
	w.Containers = append(w.Containers, c.Name)
	sz := sizes.OfContainer(c.Resources)
	if c.Name != w.Container {
		w.Others = append(w.Others, sz)
		return
	}
	w.ContainerFound, w.template = true, sz
	w.template.Replicas = size.Of(w.Replicas)
}

// rollingOut tells whether a workload's controller is replacing pods. Pods that are merely not available, such as those
// that were just killed, are no rollout.
func rollingOut(generation, observed int64, wanted *int32, all, updated int32) bool {
	return observed < generation || updated != or(wanted, 1) || all != or(wanted, 1)
}

// owns tells whether a pod is the workload's: it matches the selector and its controller is of the kind that the
// workload's pods have, with the workload's name where the workload owns pods itself.
func (w *workload) owns(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind != w.ownerKind || !w.selector.Matches(labels.Set(pod.Labels)) {
		return false
	}
	return w.ownerKind != "StatefulSet" || owner.Name == w.name
}
