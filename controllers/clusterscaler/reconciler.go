package clusterscaler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/actuate"
	"github.com/metapilot/metapilot/controllers/budget"
	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/scalers/usage"
	"github.com/metapilot/metapilot/size"
)

// heldAgain is when a held change is looked at again without an event: nodes and usage, which can lift a hold, wake nobody.
const heldAgain = 5 * time.Minute

// useJitter spreads the looks at tenants whose use matters.
const useJitter = 0.2

// conflictPause is how long a cache is given to catch up after a write that conflicted.
const conflictPause = 50 * time.Millisecond

// Fleet reads the MetaCluster from memory.
type Fleet interface {
	// Deployment and StatefulSet give a workload of a managed namespace.
	Deployment(ctx context.Context, namespace, name string) (*appsv1.Deployment, error)
	StatefulSet(ctx context.Context, namespace, name string) (*appsv1.StatefulSet, error)
	// Pods gives the pods of a managed namespace.
	Pods(ctx context.Context, namespace string, selector labels.Selector) ([]corev1.Pod, error)
	// Nodes gives the nodes of the MetaCluster.
	Nodes(ctx context.Context) ([]corev1.Node, error)
}

// Usage knows what containers were measured to use.
type Usage interface {
	// Before gives a container's newest usage measured not after a time, and whether one is remembered.
	Before(namespace, pod, container string, at time.Time) (usage.Usage, bool)
	// Peak gives the highest usage measured of a container in any of the pods; absent where none was.
	Peak(namespace string, pods []string, container string) size.Amounts
	// Fresh gives when usage was last measured, and an error that says why where that is too long ago.
	Fresh() (time.Time, error)
}

// Actuator carries out the size of a record.
type Actuator interface {
	// Advance takes what step it can, and never waits.
	Advance(ctx context.Context, change actuate.Change) (actuate.Progress, error)
	// ResizePods resizes pods in place to a size.
	ResizePods(ctx context.Context, pods []corev1.Pod, container string, to size.Size) (actuate.Resized, error)
	// Unfinished finds the workloads that were left half done, and Recover finishes one or puts it back.
	Unfinished(ctx context.Context, options ...client.ListOption) ([]actuate.Unfinished, error)
	Recover(ctx context.Context, namespace string, target v1alpha1.Target) (actuate.Recovery, error)
}

// Reconciler reconciles ClusterScalers.
type Reconciler struct {
	// Client reads from caches and writes; Live reads from the API server.
	Client   client.Client
	Live     client.Reader
	Fleet    Fleet
	Usage    Usage
	Actuator Actuator
	Events   events.EventRecorder
	Clock    clock.PassiveClock
	// KeepRecords is how many records are kept of each component.
	KeepRecords int
	// Budget is what the fleet's scale-downs share.
	Budget *budget.Ledger

	inbox    *inbox
	restarts *restarts
	tracks   *tracks
	metrics  *metrics
}

// Reconcile looks at one tenant: gather → Decide → act → report.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var result ctrl.Result
	t, err := r.look(ctx, req.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	if t == nil {
		again, err := r.forget(ctx, req.NamespacedName)
		return ctrl.Result{RequeueAfter: again}, err
	}
	before := t.scaler.DeepCopy()
	var errs []error
	for _, c := range t.urgentFirst() {
		again, err := r.act(ctx, t, c)
		if err != nil {
			errs = append(errs, fmt.Errorf("component %s: %w", c.spec.Name, err))
		}
		result.RequeueAfter = sooner(result.RequeueAfter, again)
		if c.settings.usesMatter() {
			result.RequeueAfter = sooner(result.RequeueAfter, wait.Jitter(useAgain, useJitter))
		}
	}
	errs = append(errs, r.report(ctx, t, before))
	if err := lasting(errs); err != nil {
		return ctrl.Result{}, err
	}
	if errors.Join(errs...) != nil {
		result.RequeueAfter = conflictPause
	}
	return result, nil
}

// lasting leaves out conflicts: somebody wrote to an object at the same time, or the cache was behind; another look settles it.
func lasting(errs []error) error {
	return errors.Join(slices.DeleteFunc(slices.Clone(errs), apierrors.IsConflict)...)
}

// look reads the tenant and decides. The calm look costs no request; where a change is wanted, all is read again from
// the API server, so that nothing is decided on a stale copy. It gives nil when there is no such scaler.
func (r *Reconciler) look(ctx context.Context, key types.NamespacedName) (*tenant, error) {
	var t *tenant
	for _, live := range []bool{false, true} {
		reader := client.Reader(r.Client)
		if live {
			reader = r.Live
		}
		var scaler v1alpha1.ClusterScaler
		if err := reader.Get(ctx, key, &scaler); err != nil {
			if client.IgnoreNotFound(err) == nil {
				return nil, nil
			}
			return nil, fmt.Errorf("reading the ClusterScaler: %w", err)
		}
		if !scaler.DeletionTimestamp.IsZero() {
			return nil, nil
		}
		if !live && scaler.Status.ObservedGeneration != scaler.Generation {
			continue // what has not been looked at before is looked at thoroughly
		}
		var err error
		if t, err = r.gather(ctx, &scaler, live); err != nil {
			return nil, err
		}
		if err := r.loadBudget(ctx); err != nil {
			return nil, err
		}
		t.decide(r.Budget.Fleet(t.now))
		if live || !t.wantsChange() {
			break
		}
	}
	return t, nil
}

// forget lets go of a tenant whose ClusterScaler is gone, and leaves nothing half done behind. It gives when to come back
// for what is not finished yet.
func (r *Reconciler) forget(ctx context.Context, key types.NamespacedName) (again time.Duration, err error) {
	r.metrics.forget(key)
	r.tracks.set(key, nil)
	if len(r.scalersOf(ctx, key.Namespace)) > 0 {
		return 0, nil
	}
	r.restarts.set(key.Namespace, nil)
	r.Budget.Forget(key.Namespace)
	unfinished, err := r.Actuator.Unfinished(ctx, client.InNamespace(key.Namespace))
	if err != nil {
		return 0, fmt.Errorf("looking for workloads that were left half done: %w", err)
	}
	for _, w := range unfinished {
		recovery, err := r.Actuator.Recover(ctx, w.Namespace, v1alpha1.Target{Kind: w.Kind, Name: w.Name})
		if err != nil {
			return 0, fmt.Errorf("finishing what was begun: %w", err)
		}
		log.FromContext(ctx).Info("workload left half done looked after", "kind", w.Kind, "workload", w.Name, "message", recovery.Message)
		again = sooner(again, recovery.RequeueAfter)
	}
	return again, nil
}

// decide makes every component's plan. Calm changes go one component of the tenant at a time.
func (t *tenant) decide(fleet plan.Fleet) {
	busy := ""
	for _, c := range t.components {
		if c.history.ChangeInProgress != "" {
			busy = c.history.ChangeInProgress
		}
	}
	for _, c := range t.components {
		if c.history.ChangeInProgress == "" {
			c.history.ChangeInProgress = busy
		}
		c.history.WatchedElsewhere = t.watchedBeside(c)
		c.plan = plan.Decide(c.snapshot(t.now, fleet))
		if busy == "" && changes(c.plan.Verdict()) {
			busy = c.recordName(t)
		}
	}
}

func changes(v decision.Verdict) bool {
	return v == decision.VerdictScaleUp || v == decision.VerdictScaleDown
}

// watchedBeside names an open record of another component; empty when there is none.
func (t *tenant) watchedBeside(c *component) string {
	for _, other := range t.components {
		if other != c && other.record != nil {
			return other.record.Name
		}
	}
	return ""
}

func (t *tenant) wantsChange() bool {
	return slices.ContainsFunc(t.components, func(c *component) bool {
		v := c.plan.Verdict()
		return changes(v) || v == decision.VerdictHeld && !c.plan.Demand.Down() // a held scale-down can wait for the caches
	})
}

func (t *tenant) urgentFirst() []*component {
	out := slices.Clone(t.components)
	slices.SortStableFunc(out, func(a, b *component) int {
		switch {
		case a.plan.Demand.Urgent() == b.plan.Demand.Urgent():
			return 0
		case a.plan.Demand.Urgent():
			return -1
		default:
			return 1
		}
	})
	return out
}

func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
