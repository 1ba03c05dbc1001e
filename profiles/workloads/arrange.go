package workloads

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

// Kept is how long a profile is kept whose workload is gone: as long as the oldest peak that a profile remembers.
const Kept = 28 * 24 * time.Hour

// Reasons of the condition TargetFound.
const (
	reasonFound      = "Found"
	reasonGone       = "Gone"
	reasonNotManaged = "NotManaged"
)

// namespaceView is all that is known of one namespace.
type namespaceView struct {
	name string
	// managed: the namespace has a ClusterScaler. Else the workloads are not known.
	managed   bool
	workloads []v1alpha1.WorkloadTarget
	// owners are what owns workloads, or pods, as their controller.
	owners map[v1alpha1.WorkloadTarget]bool
	// components are the names that ClusterScalers give to workloads.
	components map[v1alpha1.WorkloadTarget]string
	profiles   []v1alpha1.WorkloadProfile
}

// add takes down a workload, and what owns it.
func (v *namespaceView) add(kind v1alpha1.TargetKind, o metav1.Object) {
	v.workloads = append(v.workloads, v1alpha1.TargetOf(kind, o.GetName()))
	v.addOwner(o)
}

func (v *namespaceView) addOwner(o metav1.Object) {
	if owner, ok := v1alpha1.ControllerOf(o); ok {
		v.owners[owner] = true
	}
}

// exists tells whether a target is there.
func (v *namespaceView) exists(t v1alpha1.WorkloadTarget) bool {
	return slices.Contains(v.workloads, t) || !isWorkload(t) && v.owners[t]
}

// isWorkload tells whether a target is of a kind for which profiles are made.
func isWorkload(t v1alpha1.WorkloadTarget) bool {
	return t == v1alpha1.TargetOf(v1alpha1.TargetDeployment, t.Name) || t == v1alpha1.TargetOf(v1alpha1.TargetStatefulSet, t.Name)
}

// lookAgain is when a target that is not a workload is looked for again: its coming and going wakes nobody.
const lookAgain = 10 * time.Minute

// arrangement is what is to be done in a namespace.
type arrangement struct {
	create []*v1alpha1.WorkloadProfile
	// update are profiles with another target or label than they have now.
	update []*v1alpha1.WorkloadProfile
	// mark are the conditions TargetFound that are to be set, by the profile's name.
	mark map[string]metav1.Condition
	// remove are profiles whose workload has been gone for too long.
	remove []*v1alpha1.WorkloadProfile
	// again is when to look again without being woken; 0 for never.
	again time.Duration
}

// arrange says what is to be done. It is pure.
func arrange(v namespaceView, now time.Time) arrangement {
	a := arrangement{mark: map[string]metav1.Condition{}}
	profiles := make([]*v1alpha1.WorkloadProfile, 0, len(v.profiles))
	for i := range v.profiles {
		profiles = append(profiles, v.profiles[i].DeepCopy())
	}
	slices.SortFunc(profiles, func(x, y *v1alpha1.WorkloadProfile) int { return strings.Compare(x.Name, y.Name) })
	if !v.managed {
		for _, p := range profiles {
			a.missing(p, reasonNotManaged, "the namespace has no ClusterScaler, so nothing is measured", now)
		}
		return a
	}
	profileOf := map[v1alpha1.WorkloadTarget]bool{}
	for _, p := range profiles {
		profileOf[p.Spec.Target] = true
	}
	for _, w := range v.workloads {
		if profileOf[w] {
			continue
		}
		if p := orphan(profiles, v, w); p != nil {
			p.Spec.Target = w
			continue
		}
		a.create = append(a.create, newProfile(v, w))
	}
	for i, p := range profiles {
		was := v.named(p.Name)
		label(p, v.componentOf(p.Spec.Target))
		if p.Spec.Target != was.Spec.Target || p.Labels[v1alpha1.LabelComponent] != was.Labels[v1alpha1.LabelComponent] {
			a.update = append(a.update, profiles[i])
		}
		if !isWorkload(p.Spec.Target) {
			a.lookAgain(lookAgain)
		}
		if v.exists(p.Spec.Target) {
			a.set(p, metav1.ConditionTrue, reasonFound, fmt.Sprintf("%s %s exists", p.Spec.Target.Kind, p.Spec.Target.Name), now)
		} else {
			a.missing(p, reasonGone, fmt.Sprintf("%s %s does not exist; what is known of it is kept for %d days", p.Spec.Target.Kind, p.Spec.Target.Name, Kept/(24*time.Hour)), now)
		}
	}
	return a
}

// orphan gives a profile that Metapilot made for the same component, and whose workload is gone; nil where there is none.
func orphan(profiles []*v1alpha1.WorkloadProfile, v namespaceView, w v1alpha1.WorkloadTarget) *v1alpha1.WorkloadProfile {
	for _, p := range profiles {
		if managed(p) && p.Labels[v1alpha1.LabelComponent] == v1alpha1.LabelValue(v.componentOf(w)) && !v.exists(p.Spec.Target) {
			return p
		}
	}
	return nil
}

func newProfile(v namespaceView, w v1alpha1.WorkloadTarget) *v1alpha1.WorkloadProfile {
	p := &v1alpha1.WorkloadProfile{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: v.name, Name: nameOf(w),
			Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy},
		},
		Spec: v1alpha1.WorkloadProfileSpec{Target: w},
	}
	label(p, v.componentOf(w))
	return p
}

// nameOf gives the name of the profile that is made for a workload: "deployment-kube-apiserver".
func nameOf(w v1alpha1.WorkloadTarget) string {
	const longest = 253 // of an object's name
	return v1alpha1.Shortened(strings.ToLower(w.Kind)+"-"+w.Name, longest)
}

// componentOf gives the name that a ClusterScaler gives to the workload, else the workload's own.
func (v namespaceView) componentOf(w v1alpha1.WorkloadTarget) string {
	return cmp.Or(v.components[w], w.Name)
}

func (v namespaceView) named(name string) *v1alpha1.WorkloadProfile {
	i := slices.IndexFunc(v.profiles, func(p v1alpha1.WorkloadProfile) bool { return p.Name == name })
	return &v.profiles[i]
}

func managed(p *v1alpha1.WorkloadProfile) bool {
	return p.Labels[v1alpha1.LabelManagedBy] == v1alpha1.ManagedBy
}

func label(p *v1alpha1.WorkloadProfile, component string) {
	if p.Labels == nil {
		p.Labels = map[string]string{}
	}
	p.Labels[v1alpha1.LabelComponent] = v1alpha1.LabelValue(component)
}

// missing marks a profile as being without its workload, and removes one that Metapilot made when it has been so for long.
func (a *arrangement) missing(p *v1alpha1.WorkloadProfile, reason, message string, now time.Time) {
	since := now
	if c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionTargetFound); c != nil && c.Status == metav1.ConditionFalse {
		since = c.LastTransitionTime.Time
	}
	left := since.Add(Kept).Sub(now)
	if left <= 0 && managed(p) {
		a.remove = append(a.remove, p)
		return
	}
	a.set(p, metav1.ConditionFalse, reason, message, now)
	if managed(p) {
		a.lookAgain(left)
	}
}

func (a *arrangement) lookAgain(after time.Duration) {
	if a.again == 0 || after < a.again {
		a.again = after
	}
}

// set asks for a condition where it is not as it should be.
func (a *arrangement) set(p *v1alpha1.WorkloadProfile, status metav1.ConditionStatus, reason, message string, now time.Time) {
	c := metav1.Condition{Type: v1alpha1.ConditionTargetFound, Status: status, Reason: reason, Message: message,
		ObservedGeneration: p.Generation, LastTransitionTime: metav1.NewTime(now)}
	if old := meta.FindStatusCondition(p.Status.Conditions, c.Type); old != nil && old.Status == status {
		c.LastTransitionTime = old.LastTransitionTime
		if old.Reason == reason && old.Message == message {
			return
		}
	}
	a.mark[p.Name] = c
}
