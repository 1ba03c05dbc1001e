package actuate

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/size"
)

// The pace at which the controllers are asked whether they have seen a write: a quarter of the time waited so far,
// between these two.
const (
	quickest = 100 * time.Millisecond
	slowest  = 15 * time.Second
	// holdPace is the pace where somebody else has to act first.
	holdPace = time.Minute
)

// goal is what a template is to be brought to, and since when.
type goal struct {
	record    string
	container string
	from, to  size.Size
	decidedAt time.Time
	resizedAt time.Time
}

func goalOf(r *v1alpha1.ScalingRecord) goal {
	g := goal{
		record: r.Name, container: r.Spec.Target.Container,
		from: sizes.FromAPI(&r.Spec.From), to: sizes.FromAPI(&r.Spec.To),
		decidedAt: r.Spec.DecidedAt.Time,
	}
	g.resizedAt, _ = reachedAt(r, v1alpha1.StepResized)
	return g
}

// look is what one look at a workload on its way to a goal has come to.
type look struct {
	stage   stage
	reason  decision.Reason
	message string
	after   time.Duration // when to look again
}

// stage is how far a workload is on its way to a goal.
type stage int

const (
	underWay  stage = iota // more is to be done, or to be seen
	converged              // the template gives the size, and the pods were not replaced for it
	rolledOut              // the template gives the size, and the pods were replaced by somebody's rollout meanwhile
	defeated               // somebody else wants another size
)

func onward(after time.Duration, format string, args ...any) look {
	return look{after: after, message: fmt.Sprintf(format, args...)}
}

func held(reason decision.Reason, after time.Duration, format string, args ...any) look {
	return look{reason: reason, after: after, message: fmt.Sprintf(format, args...)}
}

// +kubebuilder:rbac:groups=apps,resources=deployments;statefulsets,verbs=get

// read gets the target's workload as it is now.
func (a *Actuator) read(ctx context.Context, namespace string, target v1alpha1.Target) (client.Object, error) {
	var obj client.Object
	switch target.Kind {
	case v1alpha1.TargetDeployment:
		obj = &appsv1.Deployment{}
	case v1alpha1.TargetStatefulSet:
		obj = &appsv1.StatefulSet{}
	default:
		return nil, fmt.Errorf("target kind %q is neither Deployment nor StatefulSet", target.Kind)
	}
	if err := a.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: target.Name}, obj); err != nil {
		return nil, fmt.Errorf("reading %s %s/%s: %w", target.Kind, namespace, target.Name, err)
	}
	return obj, nil
}

// templateOf gives the pod template of a workload, nil for what is none.
func templateOf(obj client.Object) *corev1.PodTemplateSpec {
	switch w := obj.(type) {
	case *appsv1.Deployment:
		return &w.Spec.Template
	case *appsv1.StatefulSet:
		return &w.Spec.Template
	default:
		return nil
	}
}

// converge brings the template in line with the pods, without a restart.
func (a *Actuator) converge(ctx context.Context, c Change) (Progress, error) {
	target := c.Record.Spec.Target
	obj, err := a.read(ctx, c.Record.Namespace, target)
	if apierrors.IsNotFound(err) {
		return a.failed(c, decision.ReasonWorkloadNotFound, "%s %s is gone", target.Kind, target.Name), nil
	}
	if err != nil {
		return Progress{}, err
	}
	if hold, ok := Unmanaged(obj); ok && !Converging(obj) {
		return c.waiting(hold.Reason, holdPace, "the pods have the size, the template waits: %s", hold.Message), nil
	}
	resized, err := a.order(ctx, c) // those that were born with the old template since
	if err != nil {
		return Progress{}, err
	}
	if len(resized.Refused) > 0 {
		return c.waiting(decision.ReasonResizeRefused, lookAgain, "a pod that was born with the old template cannot be resized: %s", list(resized.Refused)), nil
	}
	return a.concluded(ctx, c, obj)
}

// concluded takes the next step with the workload, and says what it means for the record.
func (a *Actuator) concluded(ctx context.Context, c Change, obj client.Object) (Progress, error) {
	seen, err := a.approach(ctx, obj, goalOf(c.Record), c.Pods)
	switch {
	case apierrors.IsConflict(err):
		return c.waiting("", quickest, "the workload was written to at the same time; looking again"), nil
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err):
		return a.failed(c, decision.ReasonResizeRefused, "the API server refuses the size in the template: %v", err), nil
	case err != nil:
		return Progress{}, err
	}
	switch seen.stage {
	case converged:
		return a.moved(c, v1alpha1.PhaseWatching, v1alpha1.StepConverged, "%s", seen.message), nil
	case rolledOut:
		return a.moved(c, v1alpha1.PhaseWatching, v1alpha1.StepRolledOut, "%s", seen.message), nil
	case defeated:
		return a.failed(c, seen.reason, "%s", seen.message), nil
	default:
		return c.waiting(seen.reason, seen.after, "%s", seen.message), nil
	}
}

// approach takes the next step towards the goal.
func (a *Actuator) approach(ctx context.Context, obj client.Object, g goal, pods []corev1.Pod) (look, error) {
	it, begun, err := intentOf(obj)
	if err != nil {
		return look{}, err
	}
	switch {
	case !begun && gives(&templateOf(obj).Spec, g.container, g.to):
		return a.verify(ctx, obj, g, pods)
	case !begun:
		return a.start(ctx, obj, g, pods)
	case it.Container == g.container && it.to() != withoutReplicas(g.to):
		return a.retarget(ctx, obj, it, g)
	default:
		return a.finish(ctx, obj, it, pods)
	}
}

func withoutReplicas(s size.Size) size.Size {
	s.Replicas = size.Opt[int32]{}
	return s
}

// start leaves the intent on the workload, when nothing stands in the way.
func (a *Actuator) start(ctx context.Context, obj client.Object, g goal, pods []corev1.Pod) (look, error) {
	if other, ok := a.otherSize(obj, g); ok {
		return other, nil
	}
	now := within(containerSize(obj, g.container), g.to)
	print, err := fingerprint(templateOf(obj), g.container)
	if err != nil {
		return look{}, err
	}
	it := intent{
		Record: g.record, Container: g.container, Template: print, Since: metav1.NewTime(a.Clock.Now()),
		From: sizes.ToAPI(now), To: sizes.ToAPI(withoutReplicas(g.to)),
	}
	switch w := obj.(type) {
	case *appsv1.Deployment:
		return a.startDeployment(ctx, w, it)
	case *appsv1.StatefulSet:
		return a.startStatefulSet(ctx, w, it, pods)
	default:
		return look{}, fmt.Errorf("a %T has no template", obj)
	}
}

// otherSize tells whether somebody has set a size of their own in the template since the change was decided. It is
// theirs to keep.
func (a *Actuator) otherSize(obj client.Object, g goal) (look, bool) {
	has := within(containerSize(obj, g.container), g.to)
	if has == within(g.from, g.to) || covers(has, g.to) {
		return look{}, false
	}
	by, ok := lastWriter(obj, g.container)
	if !ok || by.Name == string(FieldOwner) || by.Time.Before(g.decidedAt.Truncate(time.Second)) {
		return look{}, false
	}
	return theirs(fmt.Sprintf("%s set another size in the template at %s (%s); it is kept", by.Name, by.Time.UTC().Format(time.RFC3339), has.Requests)), true
}

func theirs(message string) look {
	return look{stage: defeated, reason: decision.ReasonTemplateChanged, message: message}
}

// containerSize gives the size of a container in a workload's template; of one that is not there, nothing.
func containerSize(obj client.Object, container string) size.Size {
	at, _ := find(&templateOf(obj).Spec, container)
	return sizes.OfContainer(at.resource)
}

// retarget takes over what an earlier record began on the same container: a later one knows better.
func (a *Actuator) retarget(ctx context.Context, obj client.Object, it intent, g goal) (look, error) {
	it.Record, it.To = g.record, sizes.ToAPI(withoutReplicas(g.to))
	metadata, err := it.marks(obj)
	if err != nil {
		return look{}, err
	}
	patch := object{"metadata": metadata}
	// A StatefulSet's template was written together with the intent; a Deployment's is written last.
	if set, ok := obj.(*appsv1.StatefulSet); ok && !it.edited(&set.Spec.Template) {
		patch["spec"] = object{"template": object{"spec": podSpec(listOf(&set.Spec.Template.Spec, it.Container), it.Container, g.to)}}
	}
	if err := a.patch(ctx, obj, patch); err != nil {
		return look{}, fmt.Errorf("taking over the intent of an earlier record: %w", err)
	}
	return onward(quickest, "took over from an earlier record in the middle"), nil
}

// edited tells whether somebody has changed anything but the container's size in the template.
func (i intent) edited(template *corev1.PodTemplateSpec) bool {
	print, err := fingerprint(template, i.Container)
	return err != nil || print != i.Template
}

// finish takes the next step of what the intent on the workload says, or puts back what was changed when the world is
// another by now. It needs no record.
func (a *Actuator) finish(ctx context.Context, obj client.Object, it intent, pods []corev1.Pod) (look, error) {
	switch w := obj.(type) {
	case *appsv1.Deployment:
		return a.finishDeployment(ctx, w, it)
	case *appsv1.StatefulSet:
		return a.finishStatefulSet(ctx, w, it, pods)
	default:
		return look{}, fmt.Errorf("a %T has no template", obj)
	}
}

// verify looks whether everything has come to rest with the size in the template.
func (a *Actuator) verify(ctx context.Context, obj client.Object, g goal, pods []corev1.Pod) (look, error) {
	switch w := obj.(type) {
	case *appsv1.Deployment:
		return a.verifyDeployment(ctx, w, g, pods)
	case *appsv1.StatefulSet:
		return verifyStatefulSet(w, g, pods), nil
	default:
		return look{}, fmt.Errorf("a %T has no template", obj)
	}
}

// +kubebuilder:rbac:groups=apps,resources=deployments;statefulsets,verbs=patch

// patch writes to a workload, and leaves in obj what it is then.
func (a *Actuator) patch(ctx context.Context, obj client.Object, o object) error {
	patch, err := strategic(o)
	if err != nil {
		return err
	}
	return replacedIsConflict(a.Client.Patch(ctx, obj, patch, FieldOwner))
}

// pace gives when to look again, by how long the intent has been there.
func (a *Actuator) pace(it intent) time.Duration {
	return min(max(it.age(a.Clock.Now())/4, quickest), slowest)
}

// said puts into a sentence how the pods came through.
func said(what string, born, all int) string {
	if born == 0 {
		return what + "; no pod was replaced"
	}
	return fmt.Sprintf("%s; %d of %d pods were born since the resize", what, born, all)
}

// bornAfter counts the living pods, and those of them that are younger than a time.
func bornAfter(pods []corev1.Pod, since time.Time) (born, all int) {
	for i := range pods {
		if !alive(&pods[i]) {
			continue
		}
		all++
		if !since.IsZero() && pods[i].CreationTimestamp.After(since) {
			born++
		}
	}
	return born, all
}
