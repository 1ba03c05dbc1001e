package recommender

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/fleet"
	"github.com/metapilot/metapilot/size"
)

// Fleet reads the pods and workloads of managed namespaces from memory.
type Fleet interface {
	Pods(ctx context.Context, namespace string, selector labels.Selector) ([]corev1.Pod, error)
	WorkloadOf(ctx context.Context, pod metav1.Object) (fleet.Workload, bool, error)
	Deployment(ctx context.Context, namespace, name string) (*appsv1.Deployment, error)
	StatefulSet(ctx context.Context, namespace, name string) (*appsv1.StatefulSet, error)
}

// owned is a pod of workloads: of a Deployment, say, and of what owns that.
type owned struct {
	workloads []workload
	// started is when each of its containers started.
	started map[string]time.Time
}

// whose knows to which workload each pod of a namespace belongs. A namespace is read when it is first asked for, and
// again when one of its pods has changed. Not safe for concurrent use.
type whose struct {
	fleet      Fleet
	namespaces map[string]map[string]owned
}

func newWhose(f Fleet) *whose {
	return &whose{fleet: f, namespaces: map[string]map[string]owned{}}
}

// changed notes that a pod of the namespace has come, gone or started anew.
func (w *whose) changed(namespace string) { delete(w.namespaces, namespace) }

// of gives the pods of a namespace, by name.
func (w *whose) of(ctx context.Context, namespace string) (map[string]owned, error) {
	if pods, ok := w.namespaces[namespace]; ok {
		return pods, nil
	}
	list, err := w.fleet.Pods(ctx, namespace, labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("reading the pods of %s: %w", namespace, err)
	}
	pods := make(map[string]owned, len(list))
	for i := range list {
		o, ok, err := w.owner(ctx, &list[i])
		if err != nil {
			return nil, err
		}
		if ok {
			pods[list[i].Name] = o
		}
	}
	w.namespaces[namespace] = pods
	return pods, nil
}

// owner gives what a pod belongs to; false where that is nothing.
func (w *whose) owner(ctx context.Context, pod *corev1.Pod) (owned, bool, error) {
	targets, err := w.targets(ctx, pod)
	if err != nil {
		return owned{}, false, fmt.Errorf("finding what owns pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	o := owned{started: map[string]time.Time{}}
	for _, t := range targets {
		o.workloads = append(o.workloads, workload{namespace: pod.Namespace, target: t})
	}
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, s := range list {
			if s.State.Running != nil {
				o.started[s.Name] = s.State.Running.StartedAt.Time
			}
		}
	}
	return o, len(targets) > 0, nil
}

// targets gives what owns a pod: its workload and the workload's own controller, or another controller of the pod.
func (w *whose) targets(ctx context.Context, pod *corev1.Pod) ([]v1alpha1.WorkloadTarget, error) {
	found, ok, err := w.fleet.WorkloadOf(ctx, pod)
	if err != nil {
		return nil, err
	}
	var targets []v1alpha1.WorkloadTarget
	object := metav1.Object(pod)
	if ok {
		targets = append(targets, v1alpha1.TargetOf(found.Kind, found.Name))
		if object, err = w.object(ctx, found); err != nil {
			return targets, client.IgnoreNotFound(err) // it is gone, or not seen yet
		}
	}
	if owner, ok := v1alpha1.ControllerOf(object); ok {
		targets = append(targets, owner)
	}
	return targets, nil
}

func (w *whose) object(ctx context.Context, of fleet.Workload) (metav1.Object, error) {
	if of.Kind == v1alpha1.TargetStatefulSet {
		return w.fleet.StatefulSet(ctx, of.Namespace, of.Name)
	}
	return w.fleet.Deployment(ctx, of.Namespace, of.Name)
}

// startOf gives when a container of the pod started, where that is known.
func (o owned) startOf(container string) size.Opt[time.Time] {
	if at, ok := o.started[container]; ok && !at.IsZero() {
		return size.Of(at)
	}
	return size.Opt[time.Time]{}
}
