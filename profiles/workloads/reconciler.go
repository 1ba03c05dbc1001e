package workloads

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	applyv1alpha1 "github.com/metapilot/metapilot/apis/v1alpha1/applyconfiguration/apis/v1alpha1"
)

// +kubebuilder:rbac:groups=metapilot.dev,resources=workloadprofiles,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=metapilot.dev,resources=workloadprofiles/status,verbs=patch

// Name of the controller.
const Name = "profile-workloads"

// fieldOwner owns the spec and the labels of the profiles that are made, and the condition TargetFound.
const fieldOwner = client.FieldOwner("metapilot-workloads")

// Fleet reads the workloads and pods of a managed namespace from memory.
type Fleet interface {
	Deployments(ctx context.Context, namespace string) ([]appsv1.Deployment, error)
	StatefulSets(ctx context.Context, namespace string) ([]appsv1.StatefulSet, error)
	Pods(ctx context.Context, namespace string, selector labels.Selector) ([]corev1.Pod, error)
}

// Reconciler keeps the WorkloadProfiles of one namespace at a time.
type Reconciler struct {
	// Client reads profiles and ClusterScalers from the cache, and writes.
	Client client.Client
	Fleet  Fleet
	Clock  clock.PassiveClock
}

// Reconcile looks at the namespace of the request's name.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	view, err := r.read(ctx, req.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	a := arrange(view, r.Clock.Now())
	if err := r.carryOut(ctx, view, a); err != nil && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: a.again}, nil
}

func (r *Reconciler) read(ctx context.Context, namespace string) (namespaceView, error) {
	v := namespaceView{name: namespace, components: map[v1alpha1.WorkloadTarget]string{}, owners: map[v1alpha1.WorkloadTarget]bool{}}
	var profiles v1alpha1.WorkloadProfileList
	if err := r.Client.List(ctx, &profiles, client.InNamespace(namespace)); err != nil {
		return v, fmt.Errorf("reading profiles: %w", err)
	}
	v.profiles = profiles.Items
	var scalers v1alpha1.ClusterScalerList
	if err := r.Client.List(ctx, &scalers, client.InNamespace(namespace)); err != nil {
		return v, fmt.Errorf("reading ClusterScalers: %w", err)
	}
	if v.managed = len(scalers.Items) > 0; !v.managed {
		return v, nil
	}
	for i := range scalers.Items {
		for _, c := range scalers.Items[i].Spec.Components {
			v.components[v1alpha1.TargetOf(c.Target.Kind, c.Target.Name)] = c.Name
		}
	}
	deployments, err := r.Fleet.Deployments(ctx, namespace)
	if err != nil {
		return v, err
	}
	for i := range deployments {
		v.add(v1alpha1.TargetDeployment, &deployments[i])
	}
	sets, err := r.Fleet.StatefulSets(ctx, namespace)
	if err != nil {
		return v, err
	}
	for i := range sets {
		v.add(v1alpha1.TargetStatefulSet, &sets[i])
	}
	return v, r.ownersOfPods(ctx, &v)
}

// ownersOfPods looks among the pods for the targets that own no workload. Most namespaces have none.
func (r *Reconciler) ownersOfPods(ctx context.Context, v *namespaceView) error {
	if !slices.ContainsFunc(v.profiles, func(p v1alpha1.WorkloadProfile) bool { return !v.exists(p.Spec.Target) && !isWorkload(p.Spec.Target) }) {
		return nil
	}
	pods, err := r.Fleet.Pods(ctx, v.name, labels.Everything())
	if err != nil {
		return err
	}
	for i := range pods {
		v.addOwner(&pods[i])
	}
	return nil
}

func (r *Reconciler) carryOut(ctx context.Context, v namespaceView, a arrangement) error {
	logger := log.FromContext(ctx)
	for _, p := range a.create {
		if err := r.Client.Create(ctx, p, fieldOwner); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("making profile %s: %w", p.Name, err)
		}
		logger.V(1).Info("profile made", "profile", p.Name)
	}
	for _, p := range a.update {
		was := v.named(p.Name)
		patch := client.MergeFromWithOptions(was, client.MergeFromWithOptimisticLock{})
		if err := r.Client.Patch(ctx, p.DeepCopy(), patch, fieldOwner); err != nil {
			return fmt.Errorf("changing profile %s: %w", p.Name, err)
		}
		if p.Spec.Target != was.Spec.Target {
			logger.Info("profile follows its component to another workload", "profile", p.Name, "from", was.Spec.Target, "to", p.Spec.Target)
		}
	}
	for name, c := range a.mark {
		condition := metav1ac.Condition().WithType(c.Type).WithStatus(c.Status).WithReason(c.Reason).WithMessage(c.Message).
			WithLastTransitionTime(c.LastTransitionTime).WithObservedGeneration(c.ObservedGeneration)
		status := applyv1alpha1.WorkloadProfile(name, v.name).WithStatus(applyv1alpha1.WorkloadProfileStatus().WithConditions(condition))
		if err := r.Client.Status().Apply(ctx, status, fieldOwner); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("marking profile %s: %w", name, err)
		}
	}
	for _, p := range a.remove {
		// It may have been pointed elsewhere meanwhile.
		unchanged := client.Preconditions{UID: &p.UID, ResourceVersion: &p.ResourceVersion}
		if err := r.Client.Delete(ctx, p, unchanged); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("removing profile %s: %w", p.Name, err)
		}
		logger.Info("profile removed: its workload has been gone for long", "profile", p.Name, "days", Kept.Hours()/24)
	}
	return nil
}

// SetupWithManager adds the reconciler to a manager. concurrency is how many namespaces are looked at at once.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, concurrency int) error {
	namespace := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: o.GetNamespace()}}}
	})
	// A workload matters when it comes or goes.
	comesOrGoes := builder.WithPredicates(predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }})
	return ctrl.NewControllerManagedBy(mgr).
		Named(Name).
		Watches(&v1alpha1.WorkloadProfile{}, namespace, builder.WithPredicates(predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}))).
		Watches(&v1alpha1.ClusterScaler{}, namespace, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&appsv1.Deployment{}, namespace, comesOrGoes).
		Watches(&appsv1.StatefulSet{}, namespace, comesOrGoes).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		Complete(r)
}
