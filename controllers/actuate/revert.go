package actuate

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
)

// Reversion is that another writer has undone what Metapilot wrote to a template.
type Reversion struct {
	By      Writer
	Message string
}

// Reverted tells whether another writer has put another size into the template since the record's change reached it,
// and who. A record that never reached the template, or leaves it to its owner, is never reverted.
func Reverted(obj client.Object, r *v1alpha1.ScalingRecord) (Reversion, bool) {
	_, byConvergence := reachedAt(r, v1alpha1.StepConverged)
	_, byRollout := reachedAt(r, v1alpha1.StepRolledOut)
	template := templateOf(obj)
	if template == nil || !byConvergence && !byRollout || leavesTemplate(r) {
		return Reversion{}, false
	}
	container := r.Spec.Target.Container
	to := withoutReplicas(sizes.FromAPI(&r.Spec.To))
	if gives(&template.Spec, container, to) {
		return Reversion{}, false
	}
	by, ok := lastWriter(obj, container)
	if ok && by.Name == string(FieldOwner) {
		return Reversion{}, false // Metapilot itself, for a later record
	}
	who := "somebody"
	if ok {
		who = fmt.Sprintf("%s, at %s,", by.Name, by.Time.UTC().Format(time.RFC3339))
	}
	has := within(containerSize(obj, container), to)
	return Reversion{By: by, Message: fmt.Sprintf("%s set the template to requests %s; limits %s, where Metapilot had written requests %s; limits %s",
		who, has.Requests, has.Limits, to.Requests, to.Limits)}, true
}

// watch looks, while the component is watched, whether what was written is still there.
func (a *Actuator) watch(ctx context.Context, c Change) (Progress, error) {
	quiet := Progress{Phase: v1alpha1.PhaseWatching, Message: c.Record.Status.Message}
	if leavesTemplate(c.Record) {
		return quiet, nil
	}
	obj, err := a.read(ctx, c.Record.Namespace, c.Record.Spec.Target)
	if apierrors.IsNotFound(err) {
		return c.waiting(decision.ReasonWorkloadNotFound, 0, "%s %s is gone", c.Record.Spec.Target.Kind, c.Record.Spec.Target.Name), nil
	}
	if err != nil {
		return Progress{}, err
	}
	if reversion, ok := Reverted(obj, c.Record); ok {
		return c.waiting(decision.ReasonReverted, 0, "%s", reversion.Message), nil
	}
	return quiet, nil
}
