package fleet

import (
	"context"
	"fmt"
	"sync/atomic"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

// pageSize of the list of ClusterScalers at the start.
const pageSize = 500

// Setup fills the registry, makes the informers that a Fleet needs and gives the Fleet. The manager must have been made
// with [Options] and the same registry, and must not have been started. synced is set when every cache holds what the
// API server had.
func Setup(ctx context.Context, mgr manager.Manager, registry *Registry) (f *Fleet, synced *atomic.Bool, err error) {
	if err := prime(ctx, mgr.GetAPIReader(), registry); err != nil {
		return nil, nil, err
	}
	for _, kind := range []client.Object{
		&corev1.Pod{}, &appsv1.Deployment{}, &appsv1.StatefulSet{}, newReplicaSet(), &corev1.Node{},
	} {
		if _, err := mgr.GetCache().GetInformer(ctx, kind); err != nil {
			return nil, nil, fmt.Errorf("making the informer of %T: %w", kind, err)
		}
	}
	scalers, err := mgr.GetCache().GetInformer(ctx, &v1alpha1.ClusterScaler{})
	if err != nil {
		return nil, nil, fmt.Errorf("making the informer of ClusterScalers: %w", err)
	}
	if _, err := scalers.AddEventHandler(toolscache.ResourceEventHandlerFuncs{DeleteFunc: func(gone any) { released(registry, gone) }}); err != nil {
		return nil, nil, fmt.Errorf("watching ClusterScalers: %w", err)
	}
	f, synced = New(mgr.GetCache(), mgr.GetAPIReader()), new(atomic.Bool)
	registry.OnRelease(f.forget)
	return f, synced, mgr.Add(&settler{registry: registry, synced: synced})
}

// prime lists the ClusterScalers before any informer runs, so that their pods are never cut down.
func prime(ctx context.Context, live client.Reader, registry *Registry) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ClusterScalerList"))
	for {
		if err := live.List(ctx, list, client.Limit(pageSize), client.Continue(list.Continue)); err != nil {
			return fmt.Errorf("listing ClusterScalers: %w", err)
		}
		for i := range list.Items {
			registry.prime(list.Items[i].Namespace, list.Items[i].UID)
		}
		if list.Continue == "" {
			return nil
		}
	}
}

func released(registry *Registry, gone any) {
	if unknown, ok := gone.(toolscache.DeletedFinalStateUnknown); ok {
		gone = unknown.Obj
	}
	if scaler, ok := gone.(*v1alpha1.ClusterScaler); ok {
		registry.Release(scaler.Namespace, scaler.UID)
	}
}

// settler runs once the caches are synced: the manager starts it after them, on every replica.
type settler struct {
	registry *Registry
	synced   *atomic.Bool
}

// NeedLeaderElection is false: a standby's caches are kept as well.
func (*settler) NeedLeaderElection() bool { return false }

// Start releases what was deleted before the caches' own lists, and says that they are synced.
func (s *settler) Start(context.Context) error {
	s.registry.settle()
	s.synced.Store(true)
	return nil
}
