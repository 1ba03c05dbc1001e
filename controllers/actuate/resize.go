package actuate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/size"
)

// resizesAtOnce bounds the resizes of one workload that are under way at the same time.
const resizesAtOnce = 16

// Resized is what became of an order to resize pods.
type Resized struct {
	// Accepted is how many pods the API server accepted the size for, just now.
	Accepted int
	// Already is how many had it.
	Already int
	// Without is how many have no such container: pods of another revision.
	Without int
	// Refused are the pods that will not get the size in place, each with the reason.
	Refused []Refusal
}

// Refusal is a pod that the API server refuses to resize.
type Refusal struct {
	Pod     string
	Message string
	// Forbidden: a quota, limit range or admission rule refuses it; a new pod of that size would be refused as well.
	Forbidden bool
	// QOS: the size would change the pod's class. The API server was not asked.
	QOS bool
}

// String gives "pod x: why".
func (r Refusal) String() string { return fmt.Sprintf("pod %s: %s", r.Pod, r.Message) }

// +kubebuilder:rbac:groups="",resources=pods,verbs=get
// +kubebuilder:rbac:groups="",resources=pods/resize,verbs=patch

// ResizePods orders the size for the container of every pod that is alive and does not have it, in parallel, and
// returns when the API server has answered for all. It writes only the amounts that the size has. A pod that has
// vanished, or has been replaced by another of the same name, is no error; its successor is resized in its turn.
//
// Errors: faults of the moment; the other pods were resized all the same. Call again.
func (a *Actuator) ResizePods(ctx context.Context, pods []corev1.Pod, container string, to size.Size) (Resized, error) {
	var (
		result Resized
		order  []*corev1.Pod
	)
	for i := range pods {
		pod := &pods[i]
		switch _, ok := find(&pod.Spec, container); {
		case !alive(pod):
		case !ok:
			result.Without++
		case gives(&pod.Spec, container, to):
			result.Already++
		case !keepsQOS(&pod.Spec, container, to):
			result.Refused = append(result.Refused, Refusal{Pod: pod.Name, QOS: true, Message: "the size would change its QoS class"})
		default:
			order = append(order, pod)
		}
	}
	answers := make([]answer, len(order))
	var group errgroup.Group
	group.SetLimit(resizesAtOnce)
	for i, pod := range order {
		group.Go(func() error {
			answers[i] = a.resizePod(ctx, pod, container, to)
			return answers[i].err
		})
	}
	_ = group.Wait() // each answer holds its own error; one must not hide another
	var faults []error
	for i, ans := range answers {
		switch {
		case ans.err != nil:
			faults = append(faults, fmt.Errorf("resizing pod %s: %w", order[i].Name, ans.err))
		case ans.refusal != nil:
			result.Refused = append(result.Refused, *ans.refusal)
		case ans.accepted:
			result.Accepted++
		}
	}
	return result, errors.Join(faults...)
}

// answer is what the API server said to one resize.
type answer struct {
	accepted bool // false without refusal and error: the pod is gone
	refusal  *Refusal
	err      error
}

func (a *Actuator) resizePod(ctx context.Context, pod *corev1.Pod, container string, to size.Size) answer {
	patch, err := strategic(object{
		"metadata": only(pod.UID, ""),
		"spec":     podSpec(listOf(&pod.Spec, container), container, to),
	})
	if err != nil {
		return answer{err: err}
	}
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		stub := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}}
		return a.Client.SubResource("resize").Patch(ctx, stub, patch, FieldOwner)
	})
	err = replacedIsConflict(err)
	switch {
	case err == nil:
		return answer{accepted: true}
	case apierrors.IsNotFound(err):
		return answer{}
	case apierrors.IsConflict(err):
		return a.afterConflict(ctx, pod, err)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), nodeRefuses(err):
		return answer{refusal: &Refusal{Pod: pod.Name, Message: err.Error()}}
	case apierrors.IsForbidden(err) && !passing(err, pod.Spec.NodeName):
		return answer{refusal: &Refusal{Pod: pod.Name, Message: err.Error(), Forbidden: true}}
	default:
		return answer{err: err}
	}
}

// The causes that the admission plugin PodResizeValidator (on since 1.37) gives for refusing what this one node cannot
// do; a pod on another node may have it. Source: kubernetes/plugin/pkg/admission/podresize.
const (
	causeNodeCapacity        metav1.CauseType = "NodeCapacity"
	causeUnsupportedPlatform metav1.CauseType = "UnsupportedPlatform"
)

func nodeRefuses(err error) bool {
	return apierrors.HasStatusCause(err, causeNodeCapacity) || apierrors.HasStatusCause(err, causeUnsupportedPlatform)
}

// passing tells a refusal that goes away by itself: an admission plugin that has just started, or a pod that is about to
// go because its node has gone. The API gives no cause for these, only words.
func passing(err error, node string) bool {
	return strings.Contains(err.Error(), "not yet ready to handle request") ||
		node != "" && strings.Contains(err.Error(), fmt.Sprintf("node %q not found", node))
}

// afterConflict tells a pod that is another one by now, or about to go, from one that is merely written to a lot.
func (a *Actuator) afterConflict(ctx context.Context, pod *corev1.Pod, conflict error) answer {
	var now corev1.Pod
	err := a.Client.Get(ctx, client.ObjectKeyFromObject(pod), &now)
	switch {
	case apierrors.IsNotFound(err):
		return answer{}
	case err != nil:
		return answer{err: err}
	case now.UID != pod.UID || !alive(&now):
		return answer{}
	default:
		return answer{err: conflict}
	}
}

// alive tells whether a pod is there to stay: it is not being deleted and has not ended.
func alive(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}

// list puts a few of the named things into a sentence: "a, b and 3 more".
func list[T fmt.Stringer](things []T) string {
	const shown = 3
	words := make([]string, 0, shown+1)
	for _, t := range things[:min(shown, len(things))] {
		words = append(words, t.String())
	}
	slices.Sort(words)
	if more := len(things) - shown; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(words, "; ")
}
