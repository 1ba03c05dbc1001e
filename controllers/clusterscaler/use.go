package clusterscaler

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/scalers/usage"
	"github.com/metapilot/metapilot/scalers/use"
	"github.com/metapilot/metapilot/size"
)

// useAgain is when a component is looked at again whose use matters. The collector of usage remembers the last two
// measurements of a container, by default 15 seconds apart, so that no measurement is passed over.
const useAgain = 25 * time.Second

// tracks remembers the use of components by tenant and component. It is what the status says of use, kept up to date.
type tracks struct {
	mu    sync.Mutex
	known map[types.NamespacedName]map[string]plan.Use
}

func newTracks() *tracks {
	return &tracks{known: map[types.NamespacedName]map[string]plan.Use{}}
}

func (t *tracks) of(key types.NamespacedName, component string) (plan.Use, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u, ok := t.known[key][component]
	return u, ok
}

// set replaces what is known of a tenant; an empty map forgets it.
func (t *tracks) set(key types.NamespacedName, known map[string]plan.Use) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(known) == 0 {
		delete(t.known, key)
		return
	}
	t.known[key] = known
}

// usesMatter tells whether the component's settings look at its use at all.
func (s *settings) usesMatter() bool {
	return s.Down.Configured || s.AnswersHighCPU || s.AnswersHighMemory
}

// noteUse takes the newest measurements of the component's pods into its tracks. The replica that uses most counts; where
// one that runs has no measurement, there is none of the component.
func (r *Reconciler) noteUse(t *tenant, c *component) {
	if !c.settings.usesMatter() || !c.workload.ContainerFound {
		return
	}
	known, ok := r.tracks.of(client.ObjectKeyFromObject(t.scaler), c.spec.Name)
	if !ok {
		known = usesFromAPI(c.status.Use)
	}
	limits := c.workload.Size
	cpu := c.settings.CPU.Thresholds(asInt(limits.Requests.CPU), asInt(limits.Limits.CPU))
	memory := c.settings.Memory.Thresholds(asInt(limits.Requests.Memory), asInt(limits.Limits.Memory))
	for _, before := range []bool{true, false} {
		hottest, at := r.hottest(t, c, before)
		if v, ok := asInt(hottest.CPU).Get(); ok {
			known.CPU = known.CPU.See(v, at, cpu, max(c.settings.CPU.MaxGap(), useMaxAge))
		}
		if v, ok := asInt(hottest.Memory).Get(); ok {
			known.Memory = known.Memory.See(v, at, memory, max(c.settings.Memory.MaxGap(), useMaxAge))
		}
	}
	c.use = known
}

// hottest gives the highest use of any of the component's pods, and the oldest of the times at which they were measured. With
// before it is that of the measurements before the last. An amount that is not known of every pod is absent.
func (r *Reconciler) hottest(t *tenant, c *component, before bool) (out size.Amounts, at time.Time) {
	for i := range c.pods {
		pod := &c.pods[i]
		if !pod.DeletionTimestamp.IsZero() {
			continue
		}
		u, ok := r.Usage.Before(t.scaler.Namespace, pod.Name, c.spec.Target.Container, t.now.Add(usage.FutureTolerance))
		if ok && before {
			u, ok = r.Usage.Before(t.scaler.Namespace, pod.Name, c.spec.Target.Container, u.MeasuredAt.Add(-1))
		}
		if !ok || t.now.Sub(u.MeasuredAt) > useMaxAge {
			return size.Amounts{}, time.Time{}
		}
		if at.IsZero() {
			out, at = u.Amounts, u.MeasuredAt
			continue
		}
		out.CPU, out.Memory = hotter(out.CPU, u.CPU), hotter(out.Memory, u.Memory)
		if u.MeasuredAt.Before(at) {
			at = u.MeasuredAt
		}
	}
	return out, at
}

// hotter gives the larger; absent where either is not known.
func hotter[T size.MilliCPU | size.Bytes](a, b size.Opt[T]) size.Opt[T] {
	x, ok := a.Get()
	y, ok2 := b.Get()
	if !ok || !ok2 {
		return size.Opt[T]{}
	}
	return size.Of(max(x, y))
}

func asInt[T size.MilliCPU | size.Bytes](o size.Opt[T]) size.Opt[int64] {
	v, ok := o.Get()
	if !ok {
		return size.Opt[int64]{}
	}
	return size.Of(int64(v))
}

// usesFromAPI reads what a status says of stretches of low use. What happened since SeenTime is not known: a gap.
func usesFromAPI(list []v1alpha1.UseStatus) (out plan.Use) {
	for _, u := range list {
		track := use.Track{LowSince: size.Of(u.LowSince.Time), SeenAt: u.SeenTime.Time}
		peak := sizes.AmountsFromAPI(u.Peak)
		if u.Resource == v1alpha1.DownTriggerMemory {
			track.Peak = asInt(peak.Memory)
			out.Memory = track
		} else {
			track.Peak = asInt(peak.CPU)
			out.CPU = track
		}
	}
	return out
}

// usesToAPI says the same of tracks, as they are.
func usesToAPI(u plan.Use) []v1alpha1.UseStatus {
	var out []v1alpha1.UseStatus
	if since, ok := u.CPU.LowSince.Get(); ok {
		out = append(out, v1alpha1.UseStatus{Resource: v1alpha1.DownTriggerCPU, LowSince: metav1.NewTime(since), SeenTime: metav1.NewTime(u.CPU.SeenAt),
			Peak: sizes.AmountsToAPI(size.Amounts{CPU: size.Of(size.MilliCPU(u.CPU.Peak.Or(0)))})})
	}
	if since, ok := u.Memory.LowSince.Get(); ok {
		out = append(out, v1alpha1.UseStatus{Resource: v1alpha1.DownTriggerMemory, LowSince: metav1.NewTime(since), SeenTime: metav1.NewTime(u.Memory.SeenAt),
			Peak: sizes.AmountsToAPI(size.Amounts{Memory: size.Of(size.Bytes(u.Memory.Peak.Or(0)))})})
	}
	return out
}

// describeUse writes the tracks into the status: when a stretch that has lasted begins or ends, and else once in a part of the
// window, so that a new leader can go on from there.
func (c *component) describeUse() {
	if !c.settings.Down.Configured {
		c.status.Use = nil
		return
	}
	lasting := c.use
	if !c.settings.CPU.Lasts(lasting.CPU) {
		lasting.CPU.LowSince = size.Opt[time.Time]{}
	}
	if !c.settings.Memory.Lasts(lasting.Memory) {
		lasting.Memory.LowSince = size.Opt[time.Time]{}
	}
	now := usesToAPI(lasting)
	same := slices.EqualFunc(now, c.status.Use, func(a, b v1alpha1.UseStatus) bool {
		gap := c.settings.Memory.MaxGap() / 2
		return a.Resource == b.Resource && a.LowSince.Unix() == b.LowSince.Unix() && a.SeenTime.Sub(b.SeenTime.Time) < gap
	})
	if !same {
		c.status.Use = now
	}
}

// profileOf reads what the workload's profile says of the main container.
func (r *Reconciler) profileOf(ctx context.Context, t *tenant, c *component) (in estimators.ProfileInput, err error) {
	if !c.settings.Profile.Present() {
		return in, nil
	}
	if t.profiles == nil { // once for all components
		list := &v1alpha1.WorkloadProfileList{}
		if err := r.Client.List(ctx, list, client.InNamespace(t.scaler.Namespace)); err != nil {
			return in, fmt.Errorf("reading profiles: %w", err)
		}
		t.profiles = list
	}
	target := v1alpha1.TargetOf(c.spec.Target.Kind, c.spec.Target.Name)
	for i := range t.profiles.Items {
		p := &t.profiles.Items[i]
		if p.Spec.Target != target {
			continue
		}
		for _, container := range p.Status.Containers {
			if container.Name == c.spec.Target.Container {
				return profileInput(p, &container), nil
			}
		}
	}
	return in, nil
}

func profileInput(p *v1alpha1.WorkloadProfile, c *v1alpha1.ContainerProfile) estimators.ProfileInput {
	in := estimators.ProfileInput{Found: true, Lower: sizes.AmountsFromAPI(c.Lower), Target: sizes.AmountsFromAPI(c.Target), Upper: sizes.AmountsFromAPI(c.Upper)}
	if fresh := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionSignalsFresh); fresh == nil || fresh.Status != metav1.ConditionTrue {
		in.Stale = fmt.Sprintf("the profile %s is not fresh", p.Name)
		if fresh != nil {
			in.Stale += ": " + fresh.Message
		}
	}
	if c.FirstSampleTime != nil {
		in.First = size.Of(c.FirstSampleTime.Time)
	}
	var last time.Time
	if c.LastSampleTime != nil {
		last = c.LastSampleTime.Time
	}
	if p.Status.Checkpoint != nil && p.Status.Checkpoint.Time.After(last) {
		last = p.Status.Checkpoint.Time.Time
	}
	if !last.IsZero() {
		in.Last = size.Of(last)
	}
	return in
}
