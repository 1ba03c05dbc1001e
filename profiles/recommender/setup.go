package recommender

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

// SetupWithManager prepares the recommender, has the manager's informers tell it what happens, and adds it to the manager.
// What happens is followed on a standby, too; measuring begins with the lead.
func (r *Recommender) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if err := r.Prepare(); err != nil {
		return err
	}
	for _, w := range []struct {
		kind client.Object
		seen func(object any)
		gone func(object any)
	}{
		{&v1alpha1.WorkloadProfile{},
			func(o any) { with(o, r.ProfileSeen) },
			func(o any) {
				with(o, func(p *v1alpha1.WorkloadProfile) {
					r.ProfileGone(types.NamespacedName{Namespace: p.Namespace, Name: p.Name})
				})
			}},
		{&v1alpha1.ClusterScaler{},
			func(o any) { with(o, r.ScalerSeen) },
			func(o any) { with(o, r.ScalerGone) }},
		{&corev1.Pod{}, func(o any) { r.pod(ctx, o, r.PodSeen) }, func(o any) { r.pod(ctx, o, r.PodGone) }},
	} {
		informer, err := mgr.GetCache().GetInformer(ctx, w.kind)
		if err != nil {
			return fmt.Errorf("making the informer of %T: %w", w.kind, err)
		}
		handler := toolscache.ResourceEventHandlerFuncs{
			AddFunc:    w.seen,
			UpdateFunc: func(_, object any) { w.seen(object) },
			DeleteFunc: func(object any) {
				if unknown, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
					object = unknown.Obj
				}
				w.gone(object)
			},
		}
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watching %T: %w", w.kind, err)
		}
	}
	return mgr.Add(r)
}

func with[T any](object any, f func(T)) {
	if o, ok := object.(T); ok {
		f(o)
	}
}

func (r *Recommender) pod(ctx context.Context, object any, take func(ctx context.Context, pod *corev1.Pod) error) {
	with(object, func(pod *corev1.Pod) {
		if !r.Managed(pod.Namespace) {
			return
		}
		if err := take(ctx, pod); err != nil {
			r.Log.Error(err, "taking down a pod", "namespace", pod.Namespace, "pod", pod.Name)
		}
	})
}
