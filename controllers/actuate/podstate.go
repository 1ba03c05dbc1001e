package actuate

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/size"
)

// podState is how far a pod's kubelet has come with the size.
type podState string

const (
	// stateActuated: the container runs, or will start, with the size.
	stateActuated podState = "actuated"
	// stateUnordered: the pod's spec does not have the size yet; it was born with another.
	stateUnordered podState = "unordered"
	// stateUnanswered: the kubelet has not said anything about this size yet, or is at work.
	stateUnanswered podState = "unanswered"
	// stateDeferred: the node has no room now; the kubelet tries again.
	stateDeferred podState = "deferred"
	// stateFaulty: the kubelet tried and failed; it tries again.
	stateFaulty podState = "faulty"
	// stateInfeasible: the node can never give it.
	stateInfeasible podState = "infeasible"
)

// podReport is a pod and how far it has come.
type podReport struct {
	pod     string
	state   podState
	message string // the kubelet's own words, where it has some
}

// String gives "pod x is deferred: why".
func (r podReport) String() string {
	if r.message == "" {
		return fmt.Sprintf("pod %s is %s", r.pod, r.state)
	}
	return fmt.Sprintf("pod %s is %s: %s", r.pod, r.state, r.message)
}

// reportOn judges how far a pod has come with the size of its container; false for a pod that does not matter: it is
// about to go, has ended, or has no such container.
func reportOn(pod *corev1.Pod, container string, to size.Size) (podReport, bool) {
	if _, ok := find(&pod.Spec, container); !ok || !alive(pod) {
		return podReport{}, false
	}
	report := podReport{pod: pod.Name}
	report.state, report.message = judge(pod, container, to)
	return report, true
}

func judge(pod *corev1.Pod, container string, to size.Size) (podState, string) {
	if !gives(&pod.Spec, container, to) {
		return stateUnordered, ""
	}
	if c, ok := answerOf(pod, corev1.PodResizePending); ok {
		if c.Reason == corev1.PodReasonInfeasible {
			return stateInfeasible, c.Message
		}
		return stateDeferred, c.Message
	}
	if c, ok := answerOf(pod, corev1.PodResizeInProgress); ok {
		if c.Reason == corev1.PodReasonError {
			return stateFaulty, c.Message
		}
		return stateUnanswered, ""
	}
	if !scheduled(pod) || inForce(pod, container, to) {
		return stateActuated, ""
	}
	return stateUnanswered, ""
}

// answerOf gives a condition of the kubelet about the resize that the pod's spec asks for now; one about an earlier
// spec says nothing about this one. A kubelet that does not number its conditions (before 1.35) is believed.
func answerOf(pod *corev1.Pod, kind corev1.PodConditionType) (corev1.PodCondition, bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == kind && c.Status == corev1.ConditionTrue {
			return c, c.ObservedGeneration == 0 || c.ObservedGeneration >= pod.Generation
		}
	}
	return corev1.PodCondition{}, false
}

// scheduled tells whether the pod has a node. One that has none starts with what its spec says.
func scheduled(pod *corev1.Pod) bool {
	if pod.Status.Phase != corev1.PodPending {
		return true
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// inForce tells whether the kubelet reports the size: the requests as allocated (what it reports as actual CPU requests
// is reckoned back from CPU shares and is not exact), the limits as actual. A kubelet without allocatedResources is
// believed its actual requests.
func inForce(pod *corev1.Pod, container string, to size.Size) bool {
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for i := range statuses {
			s := &statuses[i]
			if s.Name != container || s.Resources == nil {
				continue
			}
			has := sizes.OfContainer(*s.Resources)
			if len(s.AllocatedResources) > 0 {
				has.Requests = sizes.OfList(s.AllocatedResources)
			}
			return nearly(has, to)
		}
	}
	return false
}

// page is the largest page size of the machines Kubernetes runs on; the kernel rounds memory limits down to pages.
const page = 64 * size.KiB

// nearly is covers, but for the kernel's rounding of the memory limit to pages.
func nearly(have, want size.Size) bool {
	h, hasIt := have.Limits.Memory.Get()
	if w, ok := want.Limits.Memory.Get(); ok && hasIt && h <= w && w-h < page {
		have.Limits.Memory = want.Limits.Memory
	}
	return covers(have, want)
}
