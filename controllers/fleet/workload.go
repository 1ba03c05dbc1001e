package fleet

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

// Workload is a Deployment or a StatefulSet.
type Workload struct {
	Kind      v1alpha1.TargetKind
	Namespace string
	Name      string
	UID       types.UID
}

// WorkloadOf gives the workload to which a pod belongs, or false where it belongs to none. It follows the controllers of
// owner references by name and UID, from the pod over its ReplicaSet to the Deployment; names are never taken apart. The
// pod itself need not exist any more: its last metadata (of a delete event, or of a list) is enough.
func (f *Fleet) WorkloadOf(ctx context.Context, pod metav1.Object) (Workload, bool, error) {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || !isApps(owner.APIVersion) {
		return Workload{}, false, nil
	}
	switch owner.Kind {
	case string(v1alpha1.TargetStatefulSet):
		return workload(v1alpha1.TargetStatefulSet, pod.GetNamespace(), owner), true, nil
	case "ReplicaSet":
		rs, err := f.replicaSet(ctx, pod.GetNamespace(), owner)
		if rs == nil || err != nil {
			return Workload{}, false, err
		}
		owner = metav1.GetControllerOf(rs)
		if owner == nil || !isApps(owner.APIVersion) || owner.Kind != string(v1alpha1.TargetDeployment) {
			return Workload{}, false, nil
		}
		return workload(v1alpha1.TargetDeployment, pod.GetNamespace(), owner), true, nil
	default:
		return Workload{}, false, nil
	}
}

// PodsOf gives the pods of a Deployment or StatefulSet: those that match its selector and that it owns.
func (f *Fleet) PodsOf(ctx context.Context, owner client.Object) ([]corev1.Pod, error) {
	var selects *metav1.LabelSelector
	switch w := owner.(type) {
	case *appsv1.Deployment:
		selects = w.Spec.Selector
	case *appsv1.StatefulSet:
		selects = w.Spec.Selector
	default:
		return nil, fmt.Errorf("a %T has no pods that Metapilot knows of", owner)
	}
	selector, err := metav1.LabelSelectorAsSelector(selects)
	if err != nil {
		return nil, fmt.Errorf("reading the selector of %s: %w", client.ObjectKeyFromObject(owner), err)
	}
	pods, err := f.Pods(ctx, owner.GetNamespace(), selector)
	if err != nil {
		return nil, err
	}
	var owned []corev1.Pod
	for i := range pods {
		of, ok, err := f.WorkloadOf(ctx, &pods[i])
		if err != nil {
			return nil, err
		}
		if ok && of.UID == owner.GetUID() {
			owned = append(owned, pods[i])
		}
	}
	return owned, nil
}

// replicaSet gives the metadata of the ReplicaSet that the reference means, or nil where it is gone.
func (f *Fleet) replicaSet(ctx context.Context, namespace string, ref *metav1.OwnerReference) (*metav1.PartialObjectMetadata, error) {
	key := client.ObjectKey{Namespace: namespace, Name: ref.Name}
	for _, from := range []client.Reader{f.cached, f.live} {
		rs := newReplicaSet()
		err := from.Get(ctx, key, rs)
		switch {
		case err == nil && rs.UID == ref.UID:
			return rs, nil
		case err != nil && !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("getting ReplicaSet %s: %w", key, err)
		}
	}
	return nil, nil
}

func workload(kind v1alpha1.TargetKind, namespace string, ref *metav1.OwnerReference) Workload {
	return Workload{Kind: kind, Namespace: namespace, Name: ref.Name, UID: ref.UID}
}

func isApps(apiVersion string) bool {
	gv, err := schema.ParseGroupVersion(apiVersion)
	return err == nil && gv.Group == appsv1.GroupName
}
