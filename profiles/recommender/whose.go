package recommender

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/fleet"
	"github.com/metapilot/metapilot/size"
)

// Fleet reads the pods of managed namespaces from memory.
type Fleet interface {
	Pods(ctx context.Context, namespace string, selector labels.Selector) ([]corev1.Pod, error)
	WorkloadOf(ctx context.Context, pod metav1.Object) (fleet.Workload, bool, error)
}

// owned is a pod of a workload.
type owned struct {
	workload workload
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

func (w *whose) owner(ctx context.Context, pod *corev1.Pod) (owned, bool, error) {
	found, ok, err := w.fleet.WorkloadOf(ctx, pod)
	if err != nil {
		return owned{}, false, fmt.Errorf("finding the workload of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	o := owned{
		workload: workload{namespace: pod.Namespace, target: v1alpha1.WorkloadTarget{Kind: found.Kind, Name: found.Name}},
		started:  map[string]time.Time{},
	}
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, s := range list {
			if s.State.Running != nil {
				o.started[s.Name] = s.State.Running.StartedAt.Time
			}
		}
	}
	return o, ok, nil
}

// startOf gives when a container of the pod started, where that is known.
func (o owned) startOf(container string) size.Opt[time.Time] {
	if at, ok := o.started[container]; ok && !at.IsZero() {
		return size.Of(at)
	}
	return size.Opt[time.Time]{}
}
