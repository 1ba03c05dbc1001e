package recommender

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	applyv1alpha1 "github.com/metapilot/metapilot/apis/v1alpha1/applyconfiguration/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/size"
)

// The owners of the two parts of a profile's status: each is applied on its own.
const (
	statusOwner     = client.FieldOwner("metapilot-recommender")
	checkpointOwner = client.FieldOwner("metapilot-checkpoint")
)

// Reasons of the condition SignalsFresh.
const (
	reasonFresh  = "Fresh"
	reasonStale  = "Stale"
	reasonNoData = "NoData"
)

const (
	// confidenceStep is by how many percent points the confidence moves before that alone is worth a write.
	confidenceStep = 10
	// maxReasons and maxReason are what the API takes.
	maxReasons, maxReason = 16, 512
	// maxContainers is what the API takes; a control plane's pod has one to five.
	maxContainers = 16
)

// freshness is the condition SignalsFresh as it was last written; its zero value was never written.
type freshness struct {
	reason string
	since  time.Time
}

// recommendation is what a profile's status should say.
type recommendation struct {
	entry      *entry
	uid        types.UID
	generation int64
	containers []v1alpha1.ContainerProfile
	fresh      freshness
	message    string
}

// recommend runs the algorithms of one profile, and tells whether the status is worth writing.
func (r *Recommender) recommend(e *entry, now time.Time) (recommendation, bool) {
	main, bounds := r.main(e.workload)
	out := recommendation{entry: e, uid: e.uid, generation: e.generation}
	for _, name := range e.names(main) {
		if len(out.containers) == maxContainers {
			break
		}
		c := e.container(name, r.Defaults)
		out.containers = append(out.containers, containerProfile(name, c.state.Recommend(now, e.algorithmOf(c, r.Defaults), bounds[name])))
	}
	out.fresh, out.message = e.freshness(now, r.StaleAfter)
	if out.fresh.reason == reasonNoData && r.awaitsHistory(e, now) {
		out.message += ": what was used before is read first"
	}
	worth := e.writtenGeneration != e.generation || out.fresh.reason != e.fresh.reason || r.moved(e.written, out.containers)
	return out, worth
}

func (e *entry) freshness(now time.Time, staleAfter time.Duration) (freshness, string) {
	f, message := freshness{reason: e.freshReason(now, staleAfter), since: now}, "usage is measured"
	switch f.reason {
	case reasonNoData:
		message = "no usage has been measured yet"
	case reasonStale:
		message = fmt.Sprintf("no usage has been measured since %s; the sizes stay as they are", e.newest.UTC().Format(time.RFC3339))
	}
	if (f.reason == reasonFresh) == (e.fresh.reason == reasonFresh) && !e.fresh.since.IsZero() {
		f.since = e.fresh.since
	}
	return f, message
}

func (e *entry) freshReason(now time.Time, staleAfter time.Duration) string {
	switch {
	case e.newest.IsZero():
		return reasonNoData
	case now.Sub(e.newest) > staleAfter:
		return reasonStale
	default:
		return reasonFresh
	}
}

func containerProfile(name string, from profiles.Recommendation) v1alpha1.ContainerProfile {
	out := v1alpha1.ContainerProfile{
		Name:              name,
		Algorithm:         string(from.Algorithm),
		Lower:             sizes.AmountsToAPI(from.Lower),
		Target:            sizes.AmountsToAPI(from.Target),
		Upper:             sizes.AmountsToAPI(from.Upper),
		Uncapped:          sizes.AmountsToAPI(from.Uncapped),
		Peak:              sizes.AmountsToAPI(from.Peak),
		StartUpPeak:       sizes.AmountsToAPI(from.StartUpPeak),
		Shape:             string(from.Shape),
		Samples:           new(int64(from.Counts.Taken + from.Counts.Late)),
		RejectedSamples:   new(int64(from.Counts.Rejected)),
		ConfidencePercent: new(from.ConfidencePercent),
	}
	if held, ok := from.OOM.Get(); ok {
		out.OOMMemory = resource.NewQuantity(int64(held), resource.BinarySI)
	}
	if hot, ok := from.Hot.Get(); ok {
		out.HotReplica = hot.Replica
	}
	out.FirstSampleTime, out.LastSampleTime = timeOf(from.First), timeOf(from.Last)
	for _, reason := range from.Reasons {
		if len(out.Reasons) == maxReasons {
			break
		}
		out.Reasons = append(out.Reasons, v1alpha1.ProfileReason{Code: string(reason.Code), Message: v1alpha1.Truncated(reason.Message, maxReason)})
	}
	return out
}

func timeOf(t size.Opt[time.Time]) *metav1.Time {
	at, ok := t.Get()
	if !ok {
		return nil
	}
	return new(metav1.NewTime(at))
}

// moved tells whether the containers differ by more than is worth keeping to oneself.
func (r *Recommender) moved(was, now []v1alpha1.ContainerProfile) bool {
	if len(was) != len(now) {
		return true
	}
	for i := range now {
		a, b := &was[i], &now[i]
		if a.Name != b.Name || a.Algorithm != b.Algorithm || confidenceMoved(a.ConfidencePercent, b.ConfidencePercent) {
			return true
		}
		for _, pair := range [][2]*v1alpha1.ResourceAmounts{
			{a.Lower, b.Lower}, {a.Target, b.Target}, {a.Upper, b.Upper}, {a.Uncapped, b.Uncapped}, {a.Peak, b.Peak}, {a.StartUpPeak, b.StartUpPeak},
			{{Memory: a.OOMMemory}, {Memory: b.OOMMemory}},
		} {
			if r.amountsMoved(pair[0], pair[1]) {
				return true
			}
		}
	}
	return false
}

func confidenceMoved(a, b *int32) bool {
	if a == nil || b == nil {
		return a != b
	}
	return *b-*a >= confidenceStep || *a-*b >= confidenceStep || (*b == 100) != (*a == 100)
}

func (r *Recommender) amountsMoved(was, now *v1alpha1.ResourceAmounts) bool {
	a, b := sizes.AmountsFromAPI(was), sizes.AmountsFromAPI(now)
	return moved(a.CPU, b.CPU, r.TolerancePercent) || moved(a.Memory, b.Memory, r.TolerancePercent)
}

func moved[T size.MilliCPU | size.Bytes](was, now size.Opt[T], tolerancePercent int32) bool {
	a, had := was.Get()
	b, has := now.Get()
	if had != has {
		return true
	}
	return float64(max(a-b, b-a))*100 > float64(a)*float64(tolerancePercent)
}

// write writes a profile's status. The checkpoint is not part of it.
func (r *Recommender) write(ctx context.Context, rec recommendation) error {
	status := metav1.ConditionFalse
	if rec.fresh.reason == reasonFresh {
		status = metav1.ConditionTrue
	}
	s := applyv1alpha1.WorkloadProfileStatus().WithObservedGeneration(rec.generation).WithConditions(metav1ac.Condition().
		WithType(v1alpha1.ConditionSignalsFresh).WithStatus(status).WithReason(rec.fresh.reason).WithMessage(rec.message).
		WithLastTransitionTime(metav1.NewTime(rec.fresh.since)).WithObservedGeneration(rec.generation))
	for i := range rec.containers {
		s.WithContainers(containerToApply(&rec.containers[i]))
	}
	key := rec.entry.key
	object := applyv1alpha1.WorkloadProfile(key.Name, key.Namespace).WithUID(rec.uid).WithStatus(s)
	if err := r.Client.Status().Apply(ctx, object, statusOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("writing the status of profile %s: %w", key, err)
	}
	return nil
}

func containerToApply(c *v1alpha1.ContainerProfile) *applyv1alpha1.ContainerProfileApplyConfiguration {
	out := applyv1alpha1.ContainerProfile().WithName(c.Name).WithAlgorithm(c.Algorithm)
	for _, a := range []struct {
		from *v1alpha1.ResourceAmounts
		to   func(*applyv1alpha1.ResourceAmountsApplyConfiguration) *applyv1alpha1.ContainerProfileApplyConfiguration
	}{
		{c.Lower, out.WithLower}, {c.Target, out.WithTarget}, {c.Upper, out.WithUpper},
		{c.Uncapped, out.WithUncapped}, {c.Peak, out.WithPeak}, {c.StartUpPeak, out.WithStartUpPeak},
	} {
		if a.from != nil {
			amounts := applyv1alpha1.ResourceAmounts()
			amounts.CPU, amounts.Memory = a.from.CPU, a.from.Memory
			a.to(amounts)
		}
	}
	out.OOMMemory, out.Samples, out.RejectedSamples, out.ConfidencePercent = c.OOMMemory, c.Samples, c.RejectedSamples, c.ConfidencePercent
	out.FirstSampleTime, out.LastSampleTime = c.FirstSampleTime, c.LastSampleTime
	if c.HotReplica != "" {
		out.WithHotReplica(c.HotReplica)
	}
	if c.Shape != "" {
		out.WithShape(c.Shape)
	}
	for _, reason := range c.Reasons {
		out.WithReasons(applyv1alpha1.ProfileReason().WithCode(reason.Code).WithMessage(reason.Message))
	}
	return out
}
