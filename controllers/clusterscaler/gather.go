package clusterscaler

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/controllers/plan"
	"github.com/metapilot/metapilot/estimators"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/scalers/oom/sighting"
	"github.com/metapilot/metapilot/size"
)

// tenant is all that was read for one reconcile of one ClusterScaler.
type tenant struct {
	now    time.Time
	scaler *v1alpha1.ClusterScaler
	// elder is an older ClusterScaler of the namespace, which alone may act; empty when there is none.
	elder      string
	components []*component
	// profiles of the namespace; nil until a component needs one.
	profiles *v1alpha1.WorkloadProfileList
	restarts oom.Incarnations
	// underPressure are the names of the nodes that say they are short of memory.
	underPressure map[string]bool
}

// component is all that was read of one component, and what is to be said of it.
type component struct {
	spec     *v1alpha1.Component
	settings settings
	workload workload
	pods     []corev1.Pod
	// record that is being carried out or watched; nil when none is.
	record *v1alpha1.ScalingRecord
	// judged are the kills not answered yet, oldest first, also those that need no answer.
	judged   []oom.Kill
	detected map[oom.Key]time.Time
	history  plan.History
	peak     size.Amounts
	use      plan.Use
	profile  estimators.ProfileInput
	nodes    []plan.Node
	plan     plan.Plan
	// unreadable says what of the spec could not be read; nil when all could.
	unreadable error
	// status is the component's status as it will be reported.
	status v1alpha1.ComponentStatus
}

// gather reads a tenant. A live look reads the workloads and open records from the API server; else the caches do,
// in which open records are not kept: those are always read from the API server.
func (r *Reconciler) gather(ctx context.Context, scaler *v1alpha1.ClusterScaler, live bool) (*tenant, error) {
	t := &tenant{now: r.Clock.Now(), scaler: scaler}
	if t.elder = r.elderOf(ctx, scaler); t.elder != "" {
		return t, nil
	}
	pods, err := r.Fleet.Pods(ctx, scaler.Namespace, labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("reading pods: %w", err)
	}
	nodes, err := r.nodes(ctx, t)
	if err != nil {
		return nil, err
	}
	known := r.restarts.of(scaler.Namespace)
	notices := r.inbox.of(scaler.Namespace, t.now)
	for i := range scaler.Spec.Components {
		c, err := r.gatherComponent(ctx, t, &scaler.Spec.Components[i], live)
		if err != nil {
			return nil, fmt.Errorf("reading component %s: %w", scaler.Spec.Components[i].Name, err)
		}
		c.nodes = nodes
		c.attribute(pods, notices, maps.Clone(known))
		r.judge(t, c)
		r.noteUse(t, c)
		t.components = append(t.components, c)
	}
	t.restarts = t.accountedFor(pods, known)
	return t, nil
}

// elderOf gives the namespace's oldest ClusterScaler when that is another one: two of them would undo each other's work.
func (r *Reconciler) elderOf(ctx context.Context, scaler *v1alpha1.ClusterScaler) string {
	for _, other := range r.scalersOf(ctx, scaler.Namespace) {
		if other.UID == scaler.UID {
			continue
		}
		age := other.CreationTimestamp.Compare(scaler.CreationTimestamp.Time)
		if age < 0 || age == 0 && other.UID < scaler.UID {
			return other.Name
		}
	}
	return ""
}

func (r *Reconciler) gatherComponent(ctx context.Context, t *tenant, spec *v1alpha1.Component, live bool) (*component, error) {
	c := &component{spec: spec, status: v1alpha1.ComponentStatus{Name: spec.Name}}
	if i := slices.IndexFunc(t.scaler.Status.Components, func(s v1alpha1.ComponentStatus) bool { return s.Name == spec.Name }); i >= 0 {
		t.scaler.Status.Components[i].DeepCopyInto(&c.status)
	}
	c.settings, c.unreadable = settingsOf(&t.scaler.Spec, spec)
	var err error
	if c.workload, err = r.workload(ctx, t.scaler.Namespace, spec.Target, live); err != nil {
		return nil, err
	}
	if c.record, err = r.openRecord(ctx, t.scaler.Namespace, c.status.OpenRecord); err != nil {
		return nil, err
	}
	if c.record == nil {
		c.status.OpenRecord = ""
	}
	c.noteReverts(t.scaler)
	c.workload.Size = c.sizeInForce()
	c.history = c.readHistory()
	if c.profile, err = r.profileOf(ctx, t, c); err != nil {
		return nil, err
	}
	return c, nil
}

// openRecord reads the named record from the API server; nil when there is none, or it has ended.
func (r *Reconciler) openRecord(ctx context.Context, namespace, name string) (*v1alpha1.ScalingRecord, error) {
	if name == "" {
		return nil, nil
	}
	var record v1alpha1.ScalingRecord
	if err := r.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &record); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	if !record.Open() {
		return nil, nil
	}
	return &record, nil
}

// sizeInForce is the size that the component is meant to have: what an open record is bringing about, else what the
// template gives, else, where the template is not ours to write, the larger of that and what was last asked for.
func (c *component) sizeInForce() size.Size {
	sz := c.workload.template
	if !c.workload.ContainerFound {
		return sz
	}
	meant := c.status.Desired
	if c.record != nil {
		meant = &c.record.Spec.To
	}
	if meant == nil || (c.record == nil && c.templateIsOurs()) {
		return sz
	}
	desired := sizes.FromAPI(meant)
	desired.Replicas = sz.Replicas
	if c.record != nil && !c.record.Settled() || desired.Ceiling().Memory.Or(0) > sz.Ceiling().Memory.Or(0) {
		return desired
	}
	return sz
}

// templateIsOurs tells whether the workload's template is kept in line with what was decided.
func (c *component) templateIsOurs() bool {
	return c.settings.actuation.Template == v1alpha1.TemplateConverge &&
		(c.workload.ForeignOwner == "" || !c.settings.HoldForForeignOwner)
}

// noteReverts counts a template that has gone back below what Metapilot made it, and takes any other size that somebody
// has given it since as the new starting point.
func (c *component) noteReverts(scaler *v1alpha1.ClusterScaler) {
	if scaler.Status.ObservedGeneration != scaler.Generation {
		c.status.RevertCount = nil
	}
	if c.status.Desired == nil || !c.workload.ContainerFound || !c.templateIsOurs() || c.record != nil && !c.record.Settled() {
		return
	}
	desired := sizes.FromAPI(c.status.Desired)
	if sameAmounts(desired, c.workload.template) {
		return
	}
	if c.reverted(desired) {
		c.status.RevertCount = new(or(c.status.RevertCount, 0) + 1)
	}
	c.status.Desired = nil
}

// reverted tells whether the template has gone back on what Metapilot made it last: below what was raised, above what was
// lowered.
func (c *component) reverted(desired size.Size) bool {
	has, wanted := c.workload.template.Ceiling(), desired.Ceiling()
	if c.lastWasDown() {
		return has.Memory.Or(0) > wanted.Memory.Or(0) || has.CPU.Or(0) > wanted.CPU.Or(0)
	}
	return has.Memory.Or(0) < wanted.Memory.Or(0)
}

// lastWasDown tells whether the last change made the component smaller.
func (c *component) lastWasDown() bool {
	down, up := c.status.LastScaleDownTime, c.status.LastScaleUpTime
	return down != nil && (up == nil || down.After(up.Time))
}

func sameAmounts(a, b size.Size) bool {
	return a.Requests == b.Requests && a.Limits == b.Limits
}

// attribute finds the component's pods and the kills of its main container: those that the pods show and those that
// were noticed of pods which are gone. It matches by the workload's selector and the container's exact name.
func (c *component) attribute(pods []corev1.Pod, notices []notice, known oom.Incarnations) {
	if !c.workload.Found {
		return
	}
	kills := map[oom.Key]oom.Kill{}
	c.detected = map[oom.Key]time.Time{}
	for _, n := range notices {
		if n.kill.Container == c.spec.Target.Container && c.workload.owns(n.pod) {
			kills[n.kill.Key] = n.kill
			c.detected[n.kill.Key] = n.detected
		}
	}
	for i := range pods {
		pod := &pods[i]
		if !c.workload.owns(pod) {
			continue
		}
		c.pods = append(c.pods, *pod)
		for _, k := range sighting.Kills(pod) {
			if _, noticed := kills[k.Key]; !noticed && k.Container == c.spec.Target.Container {
				kills[k.Key] = k
			}
		}
	}
	for _, answered := range c.answered() {
		delete(kills, answered.key)
		if answered.seen {
			known.Note(answered.container, answered.incarnation)
		}
	}
	c.judged = slices.SortedFunc(maps.Values(kills), func(a, b oom.Kill) int {
		if d := a.FinishedAt.Compare(b.FinishedAt); d != 0 {
			return d
		}
		return int(a.Incarnation - b.Incarnation)
	})
	for i := range c.judged {
		container := oom.Container{PodUID: c.judged[i].PodUID, Name: c.judged[i].Container}
		c.judged[i].Missed = known.Missed(container, c.judged[i].Incarnation)
		known.Note(container, c.judged[i].Incarnation)
	}
}

// judge says of every unanswered kill what kind it was.
func (r *Reconciler) judge(t *tenant, c *component) {
	names := make([]string, 0, len(c.pods))
	for i := range c.pods {
		names = append(names, c.pods[i].Name)
	}
	c.peak = r.Usage.Peak(t.scaler.Namespace, names, c.spec.Target.Container)
	for i := range c.judged {
		k := &c.judged[i]
		around := oom.Circumstances{
			Now:                  t.now,
			Desired:              c.workload.Size.Limits.Memory,
			NodeKillBelowPercent: c.settings.nodeKillBelowPercent,
		}
		if c.status.LastScaleUpTime != nil {
			around.ResizedAt = size.Of(c.status.LastScaleUpTime.Time)
		}
		if last, ok := c.history.LastAnswer.Get(); ok && k.FinishedAt.Sub(last) <= c.settings.RepeatWindow {
			around.Repeats = true
		}
		if u, ok := r.Usage.Before(t.scaler.Namespace, k.Pod, k.Container, k.FinishedAt); ok && t.underPressure[c.nodeOf(k.Pod)] {
			if memory, ok := u.Memory.Get(); ok {
				around.Usage = size.Of(oom.Usage{Memory: memory, MeasuredAt: u.MeasuredAt})
			}
		}
		k.Class = oom.Judge(*k, around)
	}
}

// snapshot is what plan.Decide gets to see.
func (c *component) snapshot(now time.Time, fleet plan.Fleet) plan.Snapshot {
	s := plan.Snapshot{Now: now, Settings: c.settings.Settings, Workload: c.workload.Workload, Peak: c.peak, Use: c.use, Profile: c.profile, Fleet: fleet, Nodes: c.nodes, History: c.history}
	for _, k := range c.judged {
		if k.Class == decision.KillContainer || k.Class == decision.KillNode {
			s.Kills = append(s.Kills, k)
		}
	}
	return s
}

// nodeOf gives the name of the node on which a pod of the component runs; "" where the pod is gone.
func (c *component) nodeOf(pod string) string {
	for i := range c.pods {
		if c.pods[i].Name == pod {
			return c.pods[i].Spec.NodeName
		}
	}
	return ""
}

// nodes gives the nodes that can take pods, and notes those that are short of memory.
func (r *Reconciler) nodes(ctx context.Context, t *tenant) ([]plan.Node, error) {
	list, err := r.Fleet.Nodes(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading nodes: %w", err)
	}
	var out []plan.Node
	t.underPressure = map[string]bool{}
	for i := range list {
		for _, condition := range list[i].Status.Conditions {
			if condition.Type == corev1.NodeMemoryPressure && condition.Status == corev1.ConditionTrue {
				t.underPressure[list[i].Name] = true
			}
		}
		if list[i].Spec.Unschedulable {
			continue
		}
		room := sizes.OfList(list[i].Status.Allocatable)
		cpu, cpuKnown := room.CPU.Get()
		memory, memoryKnown := room.Memory.Get()
		if cpuKnown && memoryKnown {
			out = append(out, plan.Node{CPU: cpu, Memory: memory})
		}
	}
	return out, nil
}

// accountedFor is which ends of the pods' containers need not be looked for any more. Where a kill is not answered yet
// it stays as it was known: else the kill, looked at again, would seem to have missed nothing.
func (t *tenant) accountedFor(pods []corev1.Pod, known oom.Incarnations) oom.Incarnations {
	unanswered := map[oom.Container]bool{}
	for _, c := range t.components {
		for _, k := range c.judged {
			unanswered[oom.Container{PodUID: k.PodUID, Name: k.Container}] = true
		}
	}
	in := oom.Incarnations{}
	for i := range pods {
		for _, s := range sighting.Of(&pods[i]) {
			container := oom.Container{PodUID: s.PodUID, Name: s.Container}
			if !unanswered[container] {
				in.See(s)
			} else if incarnation, ok := known[container]; ok {
				in.Note(container, incarnation)
			}
		}
	}
	return in
}
