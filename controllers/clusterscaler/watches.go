package clusterscaler

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

// emergency is the priority with which a tenant is enqueued in which a container was OOM-killed: before everything else.
const emergency = 100

type queue = workqueue.TypedRateLimitingInterface[ctrl.Request]

// podEvents wakes a tenant when one of its pods changes in a way that matters. Kills are put into the inbox here, since the
// event may be the last sight of them.
func (r *Reconciler) podEvents() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { r.podSeen(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { r.podSeen(ctx, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { r.podSeen(ctx, e.Object, q) },
	}
}

func (r *Reconciler) podSeen(ctx context.Context, object client.Object, q queue) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return
	}
	urgent := r.inbox.put(pod, r.Clock.Now())
	r.enqueueTenant(ctx, pod.Namespace, urgent, q)
}

// workloadEvents wakes a tenant when one of its workloads changes.
func (r *Reconciler) workloadEvents() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []ctrl.Request {
		var requests []ctrl.Request
		for _, scaler := range r.scalersOf(ctx, object.GetNamespace()) {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&scaler)})
		}
		return requests
	})
}

// leftBehind wakes, once at the start, the namespaces in which a workload was left half done: their ClusterScaler may have
// been deleted while no manager ran.
func (r *Reconciler) leftBehind() source.Source {
	return source.Func(func(ctx context.Context, q queue) error {
		unfinished, err := r.Actuator.Unfinished(ctx)
		if err != nil {
			return fmt.Errorf("looking for workloads that were left half done: %w", err)
		}
		for _, w := range unfinished {
			q.Add(ctrl.Request{NamespacedName: types.NamespacedName{Namespace: w.Namespace, Name: w.Name}})
		}
		return nil
	})
}

func (r *Reconciler) enqueueTenant(ctx context.Context, namespace string, urgent bool, q queue) {
	for _, scaler := range r.scalersOf(ctx, namespace) {
		request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&scaler)}
		if pq, ok := q.(priorityqueue.PriorityQueue[ctrl.Request]); ok && urgent {
			pq.AddWithOpts(priorityqueue.AddOpts{Priority: new(emergency)}, request)
			continue
		}
		q.Add(request)
	}
}

// scalersOf gives the ClusterScalers of a namespace, from the cache.
func (r *Reconciler) scalersOf(ctx context.Context, namespace string) []v1alpha1.ClusterScaler {
	var list v1alpha1.ClusterScalerList
	if err := r.Client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		log.FromContext(ctx).Error(err, "reading the ClusterScalers of a namespace from the cache", "namespace", namespace)
		return nil
	}
	return list.Items
}

// podMatters lets pod events pass that can change a decision or the progress of one: births and ends, restarts, sizes,
// and what the kubelet says of a resize or of readiness.
func podMatters() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*corev1.Pod)
		now, ok2 := e.ObjectNew.(*corev1.Pod)
		if !ok || !ok2 {
			return true
		}
		return !apiequality.Semantic.DeepEqual(was.Status.ContainerStatuses, now.Status.ContainerStatuses) ||
			!apiequality.Semantic.DeepEqual(was.Status.InitContainerStatuses, now.Status.InitContainerStatuses) ||
			!apiequality.Semantic.DeepEqual(was.Status.Conditions, now.Status.Conditions) ||
			!apiequality.Semantic.DeepEqual(was.Spec, now.Spec) ||
			was.DeletionTimestamp.IsZero() != now.DeletionTimestamp.IsZero() ||
			was.Labels[appsv1.ControllerRevisionHashLabelKey] != now.Labels[appsv1.ControllerRevisionHashLabelKey]
	}}
}
