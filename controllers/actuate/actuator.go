package actuate

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
)

// FieldOwner is the field manager of every write.
const FieldOwner = client.FieldOwner("metapilot")

// Actuator carries sizes out. It has no memory: all it goes by is on the objects.
type Actuator struct {
	// Client writes, and reads live: a cached read would act on a world that is gone.
	Client client.Client
	// Clock tells the time of the steps.
	Clock clock.PassiveClock
}

// Change is a record to carry out, with what the caller knows of the workload.
type Change struct {
	// Record is open, and its status is as last written.
	Record *v1alpha1.ScalingRecord
	// Pods are the workload's pods as the caller's cache has them: metadata, containers with resources, status.
	Pods []corev1.Pod
}

// Progress is how far a change has come.
type Progress struct {
	// Phase the record is in now.
	Phase v1alpha1.RecordPhase
	// Message says how it stands, in a sentence.
	Message string
	// Reason is why it failed, or what it waits for; empty when it simply goes on.
	Reason decision.Reason
	// Steps are newly reached.
	Steps []v1alpha1.TimelineEntry
	// RequeueAfter is when to look again; 0 when a watch event of the workload or its pods will tell, or nothing is left.
	RequeueAfter time.Duration
}

// Advance looks at the world and takes what step of the record's change it can. It never waits, and may be repeated
// at will: what is done already is not done again.
//
// Errors: the API server could not be asked or answered with a fault of the moment; call again. Whatever will not go
// away by itself is not an error but PhaseFailed, with a reason and a message.
func (a *Actuator) Advance(ctx context.Context, c Change) (Progress, error) {
	var (
		p   Progress
		err error
	)
	switch c.Record.Status.Phase {
	case "", v1alpha1.PhaseBegun:
		p, err = a.begin(ctx, c)
	case v1alpha1.PhaseResizing:
		p, err = a.awaitResized(ctx, c)
	case v1alpha1.PhaseConverging:
		p, err = a.converge(ctx, c)
	case v1alpha1.PhaseRollingOut:
		p, err = a.rollOut(ctx, c)
	case v1alpha1.PhaseWatching:
		p, err = a.watch(ctx, c)
	default:
		return Progress{Phase: c.Record.Status.Phase, Message: c.Record.Status.Message}, nil
	}
	if err != nil {
		return Progress{}, fmt.Errorf("carrying out record %s/%s: %w", c.Record.Namespace, c.Record.Name, err)
	}
	return p, nil
}

// waiting is the progress of a change that stays in its phase.
func (c Change) waiting(reason decision.Reason, after time.Duration, format string, args ...any) Progress {
	phase := c.Record.Status.Phase
	if phase == "" {
		phase = v1alpha1.PhaseBegun
	}
	return Progress{Phase: phase, Reason: reason, Message: fmt.Sprintf(format, args...), RequeueAfter: after}
}

// failed is the progress of a change that cannot be carried out.
func (a *Actuator) failed(c Change, reason decision.Reason, format string, args ...any) Progress {
	message := fmt.Sprintf(format, args...)
	return Progress{
		Phase: v1alpha1.PhaseFailed, Reason: reason, Message: message,
		Steps: a.step(c, v1alpha1.StepFailed, message),
	}
}

// moved is the progress of a change that has reached a step and with it a phase; the caller calls again at once.
func (a *Actuator) moved(c Change, to v1alpha1.RecordPhase, step v1alpha1.TimelineStep, format string, args ...any) Progress {
	message := fmt.Sprintf(format, args...)
	p := Progress{Phase: to, Message: message, Steps: a.step(c, step, message)}
	if to != v1alpha1.PhaseWatching {
		p.RequeueAfter = time.Millisecond
	}
	return p
}

// step gives the timeline entry of a step reached now, or none when the record has it already.
func (a *Actuator) step(c Change, step v1alpha1.TimelineStep, message string) []v1alpha1.TimelineEntry {
	if _, ok := reachedAt(c.Record, step); ok {
		return nil
	}
	return []v1alpha1.TimelineEntry{{Step: step, Time: metav1.NewMicroTime(a.Clock.Now()), Message: message}}
}

// reachedAt gives the time at which a record reached a step.
func reachedAt(r *v1alpha1.ScalingRecord, step v1alpha1.TimelineStep) (time.Time, bool) {
	for _, entry := range r.Status.Timeline {
		if entry.Step == step {
			return entry.Time.Time, true
		}
	}
	return time.Time{}, false
}

// leavesTemplate tells whether the record's size is not to be written to the template.
func leavesTemplate(r *v1alpha1.ScalingRecord) bool {
	return r.Spec.Actuation != nil && r.Spec.Actuation.Template == v1alpha1.TemplateLeave
}
