package clusterscaler

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

// +kubebuilder:rbac:groups=metapilot.dev,resources=clusterscalers,verbs=get;list;watch
// +kubebuilder:rbac:groups=metapilot.dev,resources=clusterscalers/status,verbs=patch
// +kubebuilder:rbac:groups=metapilot.dev,resources=scalingrecords,verbs=get;list;create;delete
// +kubebuilder:rbac:groups=metapilot.dev,resources=scalingrecords/status,verbs=patch
// +kubebuilder:rbac:groups=metapilot.dev,resources=workloadprofiles,verbs=get;list;watch
// +kubebuilder:rbac:groups=apps,resources=deployments;statefulsets,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Name of the controller.
const Name = "clusterscaler"

// Prepare makes what the reconciler keeps in memory. It must be called once, before the first Reconcile.
func (r *Reconciler) Prepare(registry prometheus.Registerer) error {
	r.inbox, r.restarts, r.tracks = newInbox(), newRestarts(), newTracks()
	var err error
	if r.metrics, err = newMetrics(registry); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	return nil
}

// SetupWithManager adds the reconciler to a manager. concurrency is how many tenants are looked at at once.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, concurrency int) error {
	if err := r.Prepare(ctrlmetrics.Registry); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named(Name).
		For(&v1alpha1.ClusterScaler{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Pod{}, r.podEvents(), builder.WithPredicates(podMatters())).
		Watches(&appsv1.Deployment{}, r.workloadEvents(), builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		Watches(&appsv1.StatefulSet{}, r.workloadEvents(), builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		WatchesRawSource(r.leftBehind()).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency, UsePriorityQueue: new(true)}).
		Complete(r)
}
