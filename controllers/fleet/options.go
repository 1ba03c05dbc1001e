package fleet

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

// Options are the settings of the manager's cache. Reading a kind that has no informer is an error: nothing is cached by
// accident.
//
// Of ReplicaSets only the metadata is kept. The API server has no field selector by which to leave out the old ones, of
// which a Deployment keeps ten.
func Options(registry *Registry) cache.Options {
	return cache.Options{
		ReaderFailOnMissingInformer: true,
		DefaultTransform:            cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Pod{}: {Transform: perTenant(registry, trimPod, func(p *corev1.Pod) *corev1.Pod {
				return &corev1.Pod{ObjectMeta: stub(p.ObjectMeta)}
			})},
			&appsv1.Deployment{}: {Transform: perTenant(registry, trimDeployment, func(d *appsv1.Deployment) *appsv1.Deployment {
				return &appsv1.Deployment{ObjectMeta: stub(d.ObjectMeta)}
			})},
			&appsv1.StatefulSet{}: {Transform: perTenant(registry, trimStatefulSet, func(s *appsv1.StatefulSet) *appsv1.StatefulSet {
				return &appsv1.StatefulSet{ObjectMeta: stub(s.ObjectMeta)}
			})},
			&v1alpha1.WorkloadProfile{}: {Transform: each(trimProfile)},
			newReplicaSet():             {Transform: each(trimReplicaSet)},
			&corev1.Node{}:              {Transform: each(trimNode)},
			&v1alpha1.ClusterScaler{}: {Transform: each(func(s *v1alpha1.ClusterScaler) *v1alpha1.ClusterScaler {
				registry.Manage(s.Namespace, s.UID)
				s.ManagedFields = nil
				return s
			})},
		},
	}
}

// newReplicaSet gives the metadata of a ReplicaSet, to be read or watched.
func newReplicaSet() *metav1.PartialObjectMetadata {
	rs := &metav1.PartialObjectMetadata{}
	rs.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))
	return rs
}

// each makes a cache's transform of a function. What is not a T (the mark of an object that vanished unseen) passes.
func each[T any](f func(T) T) toolscache.TransformFunc {
	return func(in any) (any, error) {
		if object, ok := in.(T); ok {
			return f(object), nil
		}
		return in, nil
	}
}

// perTenant keeps what is read of an object in a managed namespace, and a stub of any other; what carries a mark of
// Metapilot's own is kept as well, so that work left half done is found when its ClusterScaler is gone. It is idempotent,
// as an informer's transform must be: a trimmed stub is a stub.
func perTenant[T client.Object](registry *Registry, trim, cut func(T) T) toolscache.TransformFunc {
	return each(func(object T) T {
		if registry.Managed(object.GetNamespace()) || marked(object.GetAnnotations()) || marked(object.GetLabels()) {
			return trim(object)
		}
		return cut(object)
	})
}

func marked(keys map[string]string) bool {
	for key := range keys {
		if strings.HasPrefix(key, v1alpha1.GroupVersion.Group+"/") {
			return true
		}
	}
	return false
}
