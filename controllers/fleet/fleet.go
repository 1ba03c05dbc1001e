package fleet

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,resources=deployments;statefulsets;replicasets,verbs=get;list;watch
// +kubebuilder:rbac:groups=metapilot.dev,resources=clusterscalers,verbs=get;list;watch

// Fleet reads the MetaCluster. What it gives is the caller's own copy, trimmed, for reading only.
type Fleet struct {
	cached, live                    client.Reader
	pods, deployments, statefulSets *overlay
}

// New makes a Fleet of two readers: the manager's cache with the settings of [Options], and one that asks the API server.
// In a test both may be the latter.
func New(cached, live client.Reader) *Fleet {
	return &Fleet{cached: cached, live: live, pods: newOverlay(), deployments: newOverlay(), statefulSets: newOverlay()}
}

// Pods gives the namespace's pods that match the selector; labels.Everything() gives all.
func (f *Fleet) Pods(ctx context.Context, namespace string, selector labels.Selector) ([]corev1.Pod, error) {
	return read(ctx, f, f.pods, namespace, trimPod,
		func() (*corev1.PodList, func(*corev1.PodList) []corev1.Pod) {
			return &corev1.PodList{}, func(l *corev1.PodList) []corev1.Pod { return l.Items }
		},
		func(p *corev1.Pod) bool { return selector.Matches(labels.Set(p.Labels)) },
	)
}

// Deployments gives the namespace's Deployments.
func (f *Fleet) Deployments(ctx context.Context, namespace string) ([]appsv1.Deployment, error) {
	return f.deploymentsOf(ctx, namespace, func(*appsv1.Deployment) bool { return true })
}

// StatefulSets gives the namespace's StatefulSets.
func (f *Fleet) StatefulSets(ctx context.Context, namespace string) ([]appsv1.StatefulSet, error) {
	return f.statefulSetsOf(ctx, namespace, func(*appsv1.StatefulSet) bool { return true })
}

// Deployment gives a Deployment, or an error for which apierrors.IsNotFound holds.
func (f *Fleet) Deployment(ctx context.Context, namespace, name string) (*appsv1.Deployment, error) {
	found, err := f.deploymentsOf(ctx, namespace, func(d *appsv1.Deployment) bool { return d.Name == name })
	return one(found, err, "deployments", name)
}

// StatefulSet gives a StatefulSet, or an error for which apierrors.IsNotFound holds.
func (f *Fleet) StatefulSet(ctx context.Context, namespace, name string) (*appsv1.StatefulSet, error) {
	found, err := f.statefulSetsOf(ctx, namespace, func(s *appsv1.StatefulSet) bool { return s.Name == name })
	return one(found, err, "statefulsets", name)
}

func (f *Fleet) deploymentsOf(ctx context.Context, namespace string, keep func(*appsv1.Deployment) bool) ([]appsv1.Deployment, error) {
	return read(ctx, f, f.deployments, namespace, trimDeployment,
		func() (*appsv1.DeploymentList, func(*appsv1.DeploymentList) []appsv1.Deployment) {
			return &appsv1.DeploymentList{}, func(l *appsv1.DeploymentList) []appsv1.Deployment { return l.Items }
		}, keep)
}

func (f *Fleet) statefulSetsOf(ctx context.Context, namespace string, keep func(*appsv1.StatefulSet) bool) ([]appsv1.StatefulSet, error) {
	return read(ctx, f, f.statefulSets, namespace, trimStatefulSet,
		func() (*appsv1.StatefulSetList, func(*appsv1.StatefulSetList) []appsv1.StatefulSet) {
			return &appsv1.StatefulSetList{}, func(l *appsv1.StatefulSetList) []appsv1.StatefulSet { return l.Items }
		}, keep)
}

// Nodes gives all nodes.
func (f *Fleet) Nodes(ctx context.Context) ([]corev1.Node, error) {
	var list corev1.NodeList
	if err := f.cached.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("listing nodes: %w", err)
	}
	return list.Items, nil
}

// forget drops what is kept of a namespace that is no longer managed.
func (f *Fleet) forget(namespace string) {
	for _, o := range []*overlay{f.pods, f.deployments, f.statefulSets} {
		o.drop(namespace)
	}
}

func one[T any](found []T, err error, resource, name string) (*T, error) {
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, apierrors.NewNotFound(appsv1.Resource(resource), name)
	default:
		return &found[0], nil
	}
}
