package clusterscaler

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/controllers/actuate"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/scalers/oom/sighting"
)

// atOnce asks for another look as soon as the status has been written.
const atOnce = time.Millisecond

// act does for one component what its plan says, and carries on what an earlier plan began. It gives after what time the
// component wants to be looked at again; 0 when only an event can bring news.
func (r *Reconciler) act(ctx context.Context, t *tenant, c *component) (time.Duration, error) {
	c.noteAnswered(c.needNoAnswer())
	switch c.plan.Verdict() {
	case decision.VerdictScaleUp:
		return r.carryOut(ctx, t, c)
	case decision.VerdictScaleDown:
		return r.lower(ctx, t, c)
	case decision.VerdictHeld:
		if err := r.recordHeld(ctx, t, c); err != nil {
			return 0, err
		}
		again, err := r.carryOn(ctx, t, c)
		return sooner(again, heldAgain), err
	default:
		return r.carryOn(ctx, t, c)
	}
}

// carryOut writes the plan down, then acts on it; in dry run it only writes it down.
func (r *Reconciler) carryOut(ctx context.Context, t *tenant, c *component) (time.Duration, error) {
	if t.scaler.Spec.Mode != v1alpha1.ModeAuto {
		return 0, r.tell(ctx, t, c)
	}
	record, found, err := r.begin(ctx, t, c)
	if err != nil {
		return 0, err
	}
	c.status.LastRecord = record.Name
	c.noteAnswered(recordKills(record))
	if found && !record.Open() {
		if at, ok := reached(record, v1alpha1.StepResized); ok && at.After(c.history.LastChange.Or(time.Time{})) {
			c.noteResized(record, metav1.NewMicroTime(at))
		}
		return r.carryOn(ctx, t, c) // answered in an earlier life; only the status did not know
	}
	c.noteAnswer(record)
	c.noteUndo(record)
	if !found {
		c.startTimeline(record)
		record.Status.MonthlyDelta = monthlyDelta(c.plan)
	}
	old := c.record
	c.record, c.status.OpenRecord = record, record.Name
	again, err := r.advance(ctx, t, c, &v1alpha1.ScalingRecord{})
	if err != nil {
		return 0, err
	}
	if err := r.supersede(ctx, old, record, r.Clock.Now()); err != nil {
		return 0, err
	}
	if err := r.prune(ctx, t, c); err != nil {
		return 0, err
	}
	if found {
		again = atOnce
	}
	return again, nil
}

// tell writes down what would have been done.
func (r *Reconciler) tell(ctx context.Context, t *tenant, c *component) error {
	if name := c.recordName(t); c.status.LastRecord == name {
		return nil
	}
	return r.recordOnly(ctx, t, c, v1alpha1.PhaseDryRun, "dry run: nothing was changed; set spec.mode to Auto to have it done")
}

// recordHeld writes down that a gate held an answer to a kill, once for each reason and hour; in mode Off nothing.
func (r *Reconciler) recordHeld(ctx context.Context, t *tenant, c *component) error {
	if t.scaler.Spec.Mode == v1alpha1.ModeOff || len(c.plan.Demand.Kills) == 0 || c.status.LastRecord == c.recordName(t) {
		return nil
	}
	return r.recordOnly(ctx, t, c, v1alpha1.PhaseHeld, "nothing was changed")
}

// recordOnly writes a record of which nothing is carried out. What a dry run has told is answered; what a gate holds is
// not, so that it is done once the gate lets it through.
func (r *Reconciler) recordOnly(ctx context.Context, t *tenant, c *component, phase v1alpha1.RecordPhase, message string) error {
	record, found, err := r.begin(ctx, t, c)
	if err != nil {
		return err
	}
	c.status.LastRecord = record.Name
	if phase == v1alpha1.PhaseDryRun {
		c.noteAnswered(recordKills(record))
	}
	if found && record.Status.Phase != "" {
		return nil
	}
	base := record.DeepCopy()
	c.startTimeline(record)
	record.Status.Phase, record.Status.Message, record.Status.MonthlyDelta = phase, message, monthlyDelta(c.plan)
	if err := r.patchRecord(ctx, record, base); err != nil {
		return err
	}
	return r.prune(ctx, t, c)
}

// carryOn takes the next step of the open record, and brings pods that were born too small to the size in force.
func (r *Reconciler) carryOn(ctx context.Context, t *tenant, c *component) (time.Duration, error) {
	if (c.record == nil || c.record.Settled()) && c.workload.converging {
		recovery, err := r.Actuator.Recover(ctx, t.scaler.Namespace, c.spec.Target)
		if err != nil {
			return 0, fmt.Errorf("finishing what was begun: %w", err)
		}
		log.FromContext(ctx).Info("workload left half done looked after", "component", c.spec.Name, "message", recovery.Message)
		return max(recovery.RequeueAfter, atOnce), nil
	}
	if c.record == nil {
		return 0, r.correct(ctx, t, c)
	}
	if c.record.Settled() {
		if err := r.correct(ctx, t, c); err != nil {
			return 0, err
		}
		return r.watch(ctx, t, c)
	}
	return r.advance(ctx, t, c, c.record.DeepCopy())
}

// advance hands the open record to the actuator and writes down how far it came. base is the record as the API server
// has it; an empty one makes the whole status be written.
func (r *Reconciler) advance(ctx context.Context, t *tenant, c *component, base *v1alpha1.ScalingRecord) (time.Duration, error) {
	record := c.record
	if base.Name == "" {
		base = record.DeepCopy()
		base.Status = v1alpha1.ScalingRecordStatus{}
	}
	progress, advanceErr := r.Actuator.Advance(ctx, actuate.Change{Record: record, Pods: c.pods})
	if advanceErr == nil {
		r.apply(ctx, t, c, progress)
	} else if record.Status.Phase == "" {
		record.Status.Phase = v1alpha1.PhaseBegun
	}
	if !apiequality.Semantic.DeepEqual(record.Status, base.Status) {
		if err := r.patchRecord(ctx, record, base); err != nil {
			return 0, err
		}
	}
	if advanceErr != nil {
		return 0, fmt.Errorf("carrying out record %s: %w", record.Name, advanceErr)
	}
	if record.Status.Phase == v1alpha1.PhaseWatching {
		return atOnce, nil // the tenant's other components may have waited for this
	}
	return progress.RequeueAfter, nil
}

// apply takes the actuator's progress into the record and the component's status.
func (r *Reconciler) apply(ctx context.Context, t *tenant, c *component, progress actuate.Progress) {
	record := c.record
	if progress.Phase != record.Status.Phase {
		log.FromContext(ctx).Info("record advanced", "component", c.spec.Name, "record", record.Name, "phase", progress.Phase, "message", progress.Message)
	}
	record.Status.Phase, record.Status.Message = progress.Phase, truncated(progress.Message)
	for _, step := range progress.Steps {
		reach(record, step)
		if step.Step != v1alpha1.StepResized && step.Step != v1alpha1.StepRolledOut {
			continue
		}
		c.noteResized(record, step.Time)
		if detected, ok := reached(record, v1alpha1.StepDetected); ok && step.Step == v1alpha1.StepResized {
			r.metrics.reacted(step.Time.Sub(detected))
		}
	}
	if !record.Open() {
		c.status.OpenRecord = ""
	}
	r.speakOf(t, c, record, progress)
}

// watch ends the record once the watch period is over.
func (r *Reconciler) watch(ctx context.Context, t *tenant, c *component) (time.Duration, error) {
	record, base := c.record, c.record.DeepCopy()
	if kills := c.killsSince(record); kills > or(record.Status.KillsWhileWatched, 0) {
		record.Status.KillsWhileWatched = &kills
	}
	left := watchStart(record).Add(watchSpan(record)).Sub(t.now)
	if left <= 0 {
		record.Status.Phase, record.Status.Message = v1alpha1.PhaseSucceeded, "no trouble while it was watched"
		if n := or(record.Status.KillsWhileWatched, 0); n > 0 {
			record.Status.Phase, record.Status.Message = v1alpha1.PhaseFailed, fmt.Sprintf("carried out, but OOM-killed again %d times while it was watched", n)
		}
		reach(record, v1alpha1.TimelineEntry{Step: v1alpha1.StepVerified, Time: metav1.NewMicroTime(t.now), Message: record.Status.Message})
		c.status.OpenRecord = ""
		if record.Spec.Verdict == decision.VerdictScaleDown && record.Status.Phase == v1alpha1.PhaseSucceeded {
			c.status.UndoneCount = nil
		}
		left = 0
	}
	if apiequality.Semantic.DeepEqual(record.Status, base.Status) {
		return left, nil
	}
	return left, r.patchRecord(ctx, record, base)
}

// killsSince counts the unanswered kills that happened at the record's size.
func (c *component) killsSince(record *v1alpha1.ScalingRecord) (n int32) {
	at, ok := reached(record, v1alpha1.StepResized)
	for _, k := range c.judged {
		if ok && k.Class == decision.KillContainer && k.FinishedAt.After(at) {
			n++
		}
	}
	return n
}

// watchStart is when the change was complete.
func watchStart(record *v1alpha1.ScalingRecord) (start time.Time) {
	start = record.Spec.DecidedAt.Time
	for _, e := range record.Status.Timeline {
		switch e.Step {
		case v1alpha1.StepResized, v1alpha1.StepActuated, v1alpha1.StepConverged, v1alpha1.StepRolledOut:
			if e.Time.After(start) {
				start = e.Time.Time
			}
		}
	}
	return start
}

func watchSpan(record *v1alpha1.ScalingRecord) time.Duration {
	if record.Spec.Actuation == nil {
		return defaultWatchSeconds * time.Second
	}
	return seconds(record.Spec.Actuation.WatchSeconds, defaultWatchSeconds)
}

// correct resizes pods that were born smaller than the size in force, as happens where the template is not ours.
func (r *Reconciler) correct(ctx context.Context, t *tenant, c *component) error {
	if t.scaler.Spec.Mode != v1alpha1.ModeAuto || c.status.Desired == nil || c.workload.PausedBy != "" || c.plan.Gate == decision.GateConflicted {
		return nil
	}
	var small []corev1.Pod
	for i := range c.pods {
		pod := &c.pods[i]
		container := sighting.Container(pod.Spec.InitContainers, pod.Spec.Containers, c.spec.Target.Container)
		if container == nil || !pod.DeletionTimestamp.IsZero() {
			continue
		}
		has := sizes.OfContainer(container.Resources).Ceiling().Memory
		if has.Present() && has.Or(0) < c.workload.Size.Ceiling().Memory.Or(0) {
			small = append(small, *pod)
		}
	}
	if len(small) == 0 {
		return nil
	}
	resized, err := r.Actuator.ResizePods(ctx, small, c.spec.Target.Container, c.workload.Size)
	if err != nil {
		return fmt.Errorf("resizing pods that were born at an older size: %w", err)
	}
	log.FromContext(ctx).Info("pods born at an older size resized", "component", c.spec.Name, "pods", resized.Accepted, "size", c.workload.Size.Ceiling().String())
	return nil
}

// recordKills gives the kills that a record answers.
func recordKills(record *v1alpha1.ScalingRecord) []oom.Kill {
	if record.Spec.Trigger.OOM == nil {
		return nil
	}
	var out []oom.Kill
	for _, k := range record.Spec.Trigger.OOM.Kills {
		out = append(out, oom.Kill{
			Key:         oom.KeyOf(k.PodUID, k.Container, k.ContainerID, k.FinishedAt.Time),
			Pod:         k.Pod,
			ContainerID: k.ContainerID,
			FinishedAt:  k.FinishedAt.Time,
			Incarnation: or(k.RestartCount, 0),
			Missed:      or(k.MissedRestarts, 0),
			Class:       k.Class,
		})
	}
	return out
}
