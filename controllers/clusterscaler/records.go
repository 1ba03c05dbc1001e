package clusterscaler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/controllers/actuate"
	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/size"
)

// maxMessage is the longest message that the API takes.
const maxMessage = 1024

// begin writes a plan down before anything is done. Where the record exists already, because an earlier try or another
// leader wrote it, that one is read and found is true: what it says counts, not the plan at hand.
func (r *Reconciler) begin(ctx context.Context, t *tenant, c *component) (record *v1alpha1.ScalingRecord, found bool, err error) {
	record = c.newRecord(t)
	err = r.Client.Create(ctx, record)
	if apierrors.IsAlreadyExists(err) {
		if err := r.Live.Get(ctx, client.ObjectKeyFromObject(record), record); err != nil {
			return nil, false, fmt.Errorf("reading record %s: %w", record.Name, err)
		}
		return record, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("writing record %s: %w", record.Name, err)
	}
	return record, false, nil
}

func (c *component) newRecord(t *tenant) *v1alpha1.ScalingRecord {
	p := c.plan
	record := &v1alpha1.ScalingRecord{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: t.scaler.Namespace,
			Name:      c.recordName(t),
			Labels:    map[string]string{v1alpha1.LabelScaler: v1alpha1.LabelValue(t.scaler.Name), v1alpha1.LabelComponent: c.spec.Name},
		},
		Spec: v1alpha1.ScalingRecordSpec{
			Scaler:    t.scaler.Name,
			ScalerUID: string(t.scaler.UID),
			Component: c.spec.Name,
			Target:    c.spec.Target,
			Mode:      t.scaler.Spec.Mode,
			Verdict:   p.Verdict(),
			Reason:    p.Reason,
			Message:   truncated(p.Message),
			Trigger:   c.trigger(),
			From:      sizes.ToAPI(p.From),
			Want:      new(sizes.ToAPI(p.Want)),
			To:        sizes.ToAPI(p.To),
			Estimates: estimatesToAPI(p),
			Gates:     gatesToAPI(p),
			DecidedAt: metav1.NewMicroTime(t.now),
			Actuation: c.settings.actuation.DeepCopy(),
		},
	}
	if p.Verdict() == decision.VerdictScaleDown {
		record.Spec.Actuation.WatchSeconds = new(int32(c.settings.downWatch / time.Second))
	}
	if p.PodsOnly {
		record.Spec.Actuation.Template = v1alpha1.TemplateLeave
	}
	return record
}

// recordName is made from what the record answers, so that the same kill finds the same record again. A plan that was
// held has a name for each reason and hour, so that a container in a crash loop at its maximum does not fill the
// namespace with records. A dry run tells of use that is high or low once a day, whatever the numbers are.
func (c *component) recordName(t *tenant) string {
	p := c.plan
	parts := []string{string(t.scaler.UID), c.spec.Name, string(t.scaler.Spec.Mode), string(p.Verdict())}
	switch {
	case p.Verdict() == decision.VerdictHeld:
		parts = append(parts, string(p.Reason), t.now.UTC().Truncate(time.Hour).Format(time.RFC3339))
	case len(p.Demand.Kills) > 0:
		k := p.Demand.Kills[0].Key
		parts = append(parts, k.PodUID, k.Container, k.ID)
	case t.scaler.Spec.Mode == v1alpha1.ModeDryRun && (p.Demand.Kind == plan.DemandHighUse || p.Demand.Kind == plan.DemandLowUse):
		parts = append(parts, string(p.Demand.Kind), t.now.UTC().Truncate(day).Format(time.DateOnly), p.From.Requests.String(), p.From.Limits.String())
	default:
		parts = append(parts, string(p.Demand.Kind), p.Undoes, fmt.Sprint(c.history.LastChange.Or(time.Time{}).UnixNano()), fmt.Sprint(t.scaler.Generation), p.From.Requests.String(), p.From.Limits.String(), p.To.Requests.String(), p.To.Limits.String())
	}
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return fmt.Sprintf("%s-%s", c.spec.Name, hex.EncodeToString(h.Sum(nil))[:12])
}

func (c *component) trigger() v1alpha1.RecordTrigger {
	d := c.plan.Demand
	switch {
	case d.Kind == plan.DemandUndo:
		return v1alpha1.RecordTrigger{Type: v1alpha1.RecordTriggerUndo, Use: c.useEvidence()}
	case d.Kind == plan.DemandHighUse:
		return v1alpha1.RecordTrigger{Type: v1alpha1.RecordTriggerHighUse, Use: c.useEvidence()}
	case d.Kind == plan.DemandLowUse:
		return v1alpha1.RecordTrigger{Type: v1alpha1.RecordTriggerLowUse, Use: c.useEvidence()}
	case len(d.Kills) == 0:
		return v1alpha1.RecordTrigger{Type: v1alpha1.RecordTriggerMinimumSize}
	}
	evidence := &v1alpha1.OOMEvidence{Peak: sizes.AmountsToAPI(c.peak), Repeats: new(int32(c.plan.Level))}
	var limit size.Amounts
	for _, k := range d.Kills {
		evidence.Kills = append(evidence.Kills, killToAPI(k))
		if k.Limit.Or(0) >= limit.Memory.Or(0) {
			limit.Memory = k.Limit
		}
	}
	if over := len(evidence.Kills) - maxAnswered; over > 0 {
		evidence.Kills = evidence.Kills[over:]
	}
	evidence.LimitInForce = sizes.AmountsToAPI(limit)
	return v1alpha1.RecordTrigger{Type: v1alpha1.RecordTriggerOOM, OOM: evidence}
}

// startTimeline begins the story of a new record: when the kill was reported, seen, and decided on.
func (c *component) startTimeline(record *v1alpha1.ScalingRecord) {
	if kills := c.plan.Demand.Kills; len(kills) > 0 {
		if first := kills[0]; first.Timed() {
			reach(record, v1alpha1.TimelineEntry{Step: v1alpha1.StepReported, Time: metav1.NewMicroTime(first.FinishedAt), Message: fmt.Sprintf("%s ended, says the kubelet, to the second", first)})
		}
		if at, ok := c.firstDetected(kills); ok {
			reach(record, v1alpha1.TimelineEntry{Step: v1alpha1.StepDetected, Time: metav1.NewMicroTime(at)})
		}
	}
	reach(record, v1alpha1.TimelineEntry{Step: v1alpha1.StepDecided, Time: record.Spec.DecidedAt})
}

func (c *component) firstDetected(kills []oom.Kill) (time.Time, bool) {
	var first time.Time
	for _, k := range kills {
		if at, ok := c.detected[k.Key]; ok && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first, !first.IsZero()
}

// reach adds a step to a record's timeline, once.
func reach(record *v1alpha1.ScalingRecord, entry v1alpha1.TimelineEntry) {
	if _, ok := reached(record, entry.Step); ok {
		return
	}
	entry.Message = truncated(entry.Message)
	record.Status.Timeline = append(record.Status.Timeline, entry)
}

func reached(record *v1alpha1.ScalingRecord, step v1alpha1.TimelineStep) (time.Time, bool) {
	i := slices.IndexFunc(record.Status.Timeline, func(e v1alpha1.TimelineEntry) bool { return e.Step == step })
	if i < 0 {
		return time.Time{}, false
	}
	return record.Status.Timeline[i].Time.Time, true
}

// monthlyDelta is what the change adds to what is requested, over all replicas.
func monthlyDelta(p plan.Plan) *v1alpha1.ResourceAmounts {
	replicas := int64(p.From.Replicas.Or(1))
	var out v1alpha1.ResourceAmounts
	if to, ok := p.To.Requests.CPU.Get(); ok {
		out.CPU = resource.NewMilliQuantity(int64(to-p.From.Requests.CPU.Or(0))*replicas, resource.DecimalSI)
	}
	if to, ok := p.To.Requests.Memory.Get(); ok {
		out.Memory = resource.NewQuantity(int64(to-p.From.Requests.Memory.Or(0))*replicas, resource.BinarySI)
	}
	if out == (v1alpha1.ResourceAmounts{}) {
		return nil
	}
	return &out
}

// patchRecord writes a record's status if it changed since base.
func (r *Reconciler) patchRecord(ctx context.Context, record, base *v1alpha1.ScalingRecord) error {
	patch := client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, record, patch, actuate.FieldOwner); err != nil {
		return fmt.Errorf("writing the status of record %s: %w", record.Name, err)
	}
	return nil
}

// supersede ends an older open record of the component in favour of a new one. A scale-down that is followed by growth has
// been taken back.
func (r *Reconciler) supersede(ctx context.Context, old, by *v1alpha1.ScalingRecord, now time.Time) error {
	if old == nil || old.Name == by.Name {
		return nil
	}
	base := old.DeepCopy()
	if old.Status.Phase == v1alpha1.PhaseWatching && by.Spec.Trigger.OOM != nil {
		old.Status.KillsWhileWatched = new(or(old.Status.KillsWhileWatched, 0) + 1)
	}
	old.Status.Phase, old.Status.Message = v1alpha1.PhaseSuperseded, truncated(fmt.Sprintf("superseded by %s: %s", by.Name, by.Spec.Message))
	if takesBack(by, old) {
		old.Status.Phase, old.Status.Message = v1alpha1.PhaseUndone, truncated(fmt.Sprintf("taken back by %s: %s", by.Name, by.Spec.Message))
	}
	reach(old, v1alpha1.TimelineEntry{Step: v1alpha1.StepSuperseded, Time: metav1.NewMicroTime(now), Message: "by " + by.Name})
	return client.IgnoreNotFound(r.patchRecord(ctx, old, base))
}

// prune deletes the oldest ended records of a component beyond the number that is kept.
func (r *Reconciler) prune(ctx context.Context, t *tenant, c *component) error {
	if r.KeepRecords <= 0 {
		return nil
	}
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ScalingRecordList"))
	err := r.Live.List(ctx, &list, client.InNamespace(t.scaler.Namespace),
		client.MatchingLabels{v1alpha1.LabelScaler: v1alpha1.LabelValue(t.scaler.Name), v1alpha1.LabelComponent: c.spec.Name})
	if err != nil {
		return fmt.Errorf("listing records of component %s: %w", c.spec.Name, err)
	}
	if len(list.Items) <= r.KeepRecords {
		return nil
	}
	slices.SortFunc(list.Items, func(a, b metav1.PartialObjectMetadata) int {
		return b.CreationTimestamp.Compare(a.CreationTimestamp.Time)
	})
	for _, old := range list.Items[r.KeepRecords:] {
		if old.Name == c.status.OpenRecord || old.Name == c.status.LastRecord {
			continue
		}
		record := &v1alpha1.ScalingRecord{ObjectMeta: metav1.ObjectMeta{Namespace: old.Namespace, Name: old.Name, UID: types.UID("")}}
		if err := r.Client.Delete(ctx, record); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("deleting old record %s: %w", old.Name, err)
		}
	}
	return nil
}

func estimatesToAPI(p plan.Plan) []v1alpha1.EstimateStatus {
	var out []v1alpha1.EstimateStatus
	for _, e := range p.Estimates {
		out = append(out, v1alpha1.EstimateStatus{
			Estimator: v1alpha1.EstimatorType(e.Estimator),
			Lower:     sizes.AmountsToAPI(e.Lower),
			Target:    sizes.AmountsToAPI(e.Target),
			Upper:     sizes.AmountsToAPI(e.Upper),
			Message:   truncated(e.Message),
		})
	}
	return out
}

func gatesToAPI(p plan.Plan) []v1alpha1.GateResult {
	var out []v1alpha1.GateResult
	for _, g := range p.Gates {
		result := v1alpha1.GateResult{Name: g.Gate, Outcome: v1alpha1.GatePassed, Message: truncated(g.Message)}
		switch {
		case g.NotAsked:
			result.Outcome = v1alpha1.GateNotAsked
		case g.Held:
			result.Outcome = v1alpha1.GateHeld
		}
		out = append(out, result)
	}
	return out
}

// truncated cuts a message to what the API takes.
func truncated(s string) string { return v1alpha1.Truncated(s, maxMessage) }
