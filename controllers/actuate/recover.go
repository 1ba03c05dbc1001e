package actuate

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

// Recovery is how far the recovery of a workload has come.
type Recovery struct {
	// Message says how it stands; empty when there was nothing to recover.
	Message string
	// RequeueAfter is when to call again; 0 when no intent is left on the workload.
	RequeueAfter time.Duration
}

// Recover takes the next step in finishing what the intent on a workload says, or in putting back what was changed when
// somebody has changed the workload since. It needs no record: it is for workloads whose record is gone, has ended, or
// was never followed up because the manager died. A workload without an intent is not touched.
func (a *Actuator) Recover(ctx context.Context, namespace string, target v1alpha1.Target) (Recovery, error) {
	obj, err := a.read(ctx, namespace, target)
	if apierrors.IsNotFound(err) {
		return Recovery{}, nil
	}
	if err != nil {
		return Recovery{}, err
	}
	it, begun, err := intentOf(obj)
	if err != nil || !begun {
		return Recovery{}, err
	}
	pods, err := a.podsToFinish(ctx, obj, it)
	if err != nil {
		return Recovery{}, err
	}
	seen, err := a.finish(ctx, obj, it, pods)
	switch {
	case apierrors.IsConflict(err):
		return Recovery{Message: "the workload was written to at the same time; looking again", RequeueAfter: quickest}, nil
	case err != nil:
		return Recovery{}, fmt.Errorf("recovering %s %s/%s: %w", target.Kind, namespace, target.Name, err)
	case !Converging(obj):
		return Recovery{Message: seen.message}, nil
	default:
		return Recovery{Message: seen.message, RequeueAfter: max(seen.after, quickest)}, nil
	}
}

// +kubebuilder:rbac:groups="",resources=pods,verbs=list

// podsToFinish lists the pods of a StatefulSet, live, and gives them the intent's size: they are about to be called pods
// of its revision. A Deployment's pods are not touched.
func (a *Actuator) podsToFinish(ctx context.Context, obj client.Object, it intent) ([]corev1.Pod, error) {
	set, ok := obj.(*appsv1.StatefulSet)
	if !ok {
		return nil, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(set.Spec.Selector)
	if err != nil {
		return nil, fmt.Errorf("reading the selector of statefulset %s: %w", set.Name, err)
	}
	var pods corev1.PodList
	if err := a.Client.List(ctx, &pods, client.InNamespace(set.Namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil, fmt.Errorf("listing the pods of statefulset %s: %w", set.Name, err)
	}
	var own []corev1.Pod
	for _, pod := range pods.Items {
		if metav1.IsControlledBy(&pod, set) {
			own = append(own, pod)
		}
	}
	if it.edited(&set.Spec.Template) {
		return own, nil
	}
	if _, err := a.ResizePods(ctx, own, it.Container, it.to()); err != nil {
		return nil, err
	}
	return own, nil
}

// Unfinished is a workload that carries an intent.
type Unfinished struct {
	Namespace string
	Kind      v1alpha1.TargetKind
	Name      string
}

// +kubebuilder:rbac:groups=apps,resources=deployments;statefulsets,verbs=list

// Unfinished finds the workloads that carry an intent, in all namespaces or in those the options say: to be called when
// a manager starts to lead, to find what another left behind.
func (a *Actuator) Unfinished(ctx context.Context, options ...client.ListOption) ([]Unfinished, error) {
	var out []Unfinished
	for _, kind := range []v1alpha1.TargetKind{v1alpha1.TargetDeployment, v1alpha1.TargetStatefulSet} {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind(string(kind) + "List"))
		if err := a.Client.List(ctx, list, append([]client.ListOption{client.HasLabels{LabelConverging}}, options...)...); err != nil {
			return nil, fmt.Errorf("listing unfinished workloads of kind %s: %w", kind, err)
		}
		for i := range list.Items {
			out = append(out, Unfinished{Namespace: list.Items[i].Namespace, Kind: kind, Name: list.Items[i].Name})
		}
	}
	return out, nil
}
