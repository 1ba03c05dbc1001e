package kubelet

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// shrinkRetry is how often a refused decrease of a memory limit is tried again.
const shrinkRetry = 3 * time.Second

// resize admits a resize, or lets it pend, and actuates an admitted one when it is due.
func resize(pod *corev1.Pod, usage map[string]int64, r *result, now time.Time, s settings) {
	changed := finishResize(pod, &r.status)
	if len(changed) == 0 {
		return
	}
	if r.memory.admitted != pod.Generation {
		if reason, message := pending(pod, &r.status); reason != "" {
			removeCondition(&r.status, corev1.PodResizeInProgress)
			setCondition(&r.status, corev1.PodCondition{
				Type: corev1.PodResizePending, Status: corev1.ConditionTrue, Reason: reason, Message: message, ObservedGeneration: pod.Generation,
			}, now)
			return
		}
		admit(pod, r, now, s)
	}
	if now.Before(r.memory.actuate) {
		r.wakeAt(r.memory.actuate)
		return
	}
	for _, c := range changed {
		if why := shrinkRefused(c, usage); why != "" {
			setInProgress(pod, &r.status, "Error", why, now)
			r.wakeAt(now.Add(shrinkRetry))
			return
		}
	}
	for _, c := range changed {
		actuate(pod, c, now)
	}
	removeCondition(&r.status, corev1.PodResizeInProgress)
}

// finishResize returns the containers that do not run with the resources they ask for; if all do, no resize is under way.
func finishResize(pod *corev1.Pod, status *corev1.PodStatus) (changed []container) {
	for _, c := range containers(pod, status) {
		if !c.actuated() {
			changed = append(changed, c)
		}
	}
	if len(changed) == 0 {
		removeCondition(status, corev1.PodResizePending)
		removeCondition(status, corev1.PodResizeInProgress)
	}
	return changed
}

// pending returns why the pod's resize has to wait, or "" if it has not. That a pod asks for more than its node has is not
// looked at: the API server refuses such a resize since 1.37.
func pending(pod *corev1.Pod, status *corev1.PodStatus) (reason, message string) {
	if old := condition(status, corev1.PodResizePending); old != nil && old.Reason == corev1.PodReasonInfeasible && old.ObservedGeneration == pod.Generation {
		return old.Reason, old.Message // never tried again
	}
	switch pod.Annotations[ResizeAnnotation] {
	case corev1.PodReasonDeferred:
		return corev1.PodReasonDeferred, fmt.Sprintf("Node didn't have enough resource: memory, requested: %d, used: 0, capacity: 0 (asked for by %s)", memoryRequest(pod), ResizeAnnotation)
	case corev1.PodReasonInfeasible:
		return corev1.PodReasonInfeasible, fmt.Sprintf("Node didn't have enough capacity: memory, requested: %d, capacity: 0 (asked for by %s)", memoryRequest(pod), ResizeAnnotation)
	}
	return "", ""
}

// memoryRequest is what the pod's long-running containers ask for, in bytes.
func memoryRequest(pod *corev1.Pod) int64 {
	var sum int64
	for _, c := range containers(pod, &pod.Status) {
		sum += c.spec.Resources.Requests.Memory().Value()
	}
	return sum
}

// admit reports the resources as allocated; they are in force a moment later.
func admit(pod *corev1.Pod, r *result, now time.Time, s settings) {
	delay := s.resizeDelay
	if own, err := time.ParseDuration(pod.Annotations[ResizeDelayAnnotation]); err == nil {
		delay = own
	}
	for _, c := range containers(pod, &r.status) {
		c.allocate()
	}
	r.memory.admitted, r.memory.actuate = pod.Generation, now.Add(delay)
	removeCondition(&r.status, corev1.PodResizePending)
	setInProgress(pod, &r.status, "", "", now)
}

func setInProgress(pod *corev1.Pod, status *corev1.PodStatus, reason, message string, now time.Time) {
	setCondition(status, corev1.PodCondition{
		Type: corev1.PodResizeInProgress, Status: corev1.ConditionTrue, Reason: reason, Message: message, ObservedGeneration: pod.Generation,
	}, now)
}

// shrinkRefused says why a container's memory limit cannot be decreased: it uses more than that.
func shrinkRefused(c container, usage map[string]int64) string {
	limit := c.spec.Resources.Limits.Memory().Value()
	used, loaded := usage[c.spec.Name]
	if !loaded || limit == 0 || c.status.State.Running == nil || limit >= c.memoryLimit() || used < limit {
		return ""
	}
	return fmt.Sprintf("cannot decrease memory limits: attempting to set memory limit (%d) below current usage (%d) of container %s", limit, used, c.spec.Name)
}

// actuate puts the resources in force, with a restart where the container asks for one.
func actuate(pod *corev1.Pod, c container, now time.Time) {
	restart := false
	for _, p := range c.spec.ResizePolicy {
		if p.RestartPolicy == corev1.RestartContainer && c.changes(p.ResourceName) {
			restart = true
		}
	}
	c.apply()
	if restart && c.status.State.Running != nil {
		how := &corev1.ContainerStateTerminated{
			Reason: "Completed", ContainerID: c.status.ContainerID, StartedAt: c.status.State.Running.StartedAt, FinishedAt: metav1.NewTime(now),
		}
		start(pod, c.status, how, 1, now)
	}
}

// changes reports whether the resize is about that resource.
func (c container) changes(name corev1.ResourceName) bool {
	if c.status.Resources == nil {
		return true
	}
	oldRequest, oldLimit := c.status.Resources.Requests[name], c.status.Resources.Limits[name]
	newRequest, newLimit := c.spec.Resources.Requests[name], c.spec.Resources.Limits[name]
	return oldRequest.Cmp(newRequest) != 0 || oldLimit.Cmp(newLimit) != 0
}
