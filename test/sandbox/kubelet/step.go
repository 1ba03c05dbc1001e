package kubelet

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// settings are what step needs to know besides the pod.
type settings struct {
	restartDelay time.Duration // from a death to the restart without back-off
	firstBackOff time.Duration // 10 s on a real node
	resizeDelay  time.Duration // from admission to actuation
}

// result is what a kubelet makes of a pod.
type result struct {
	status corev1.PodStatus
	memory memory
	wake   time.Time // look again then, even if nothing changes; zero: no need
}

// wakeAt asks to be looked at again at that time, or earlier if something else asks for it.
func (r *result) wakeAt(t time.Time) {
	if r.wake.IsZero() || t.Before(r.wake) {
		r.wake = t
	}
}

// step returns the pod's next status. The order is: a resize is admitted or actuated; a dead container starts, or waits; one
// above its limit dies; the pod's conditions follow.
//
// usage is the memory in use by container name, in bytes; a container without a load is not in it.
func step(pod *corev1.Pod, usage map[string]int64, m memory, now time.Time, s settings) result {
	r := result{status: *pod.Status.DeepCopy(), memory: m.clone()}
	if pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning {
		return r
	}
	resize(pod, usage, &r, now, s)
	for _, c := range containers(pod, &r.status) {
		revive(pod, c, &r, now, s)
		exceed(pod, c, usage, &r, now, s)
	}
	finishResize(pod, &r.status) // a container that has just started has its new size
	setReadiness(pod, &r.status, now)
	r.status.ObservedGeneration = pod.Generation
	return r
}

// minimumRun is how long a container runs before it can exceed its limit: the memory has to be filled first, and whoever
// watches has to see it running.
const minimumRun = time.Second

// exceed kills a container that uses more memory than it may.
func exceed(pod *corev1.Pod, c container, usage map[string]int64, r *result, now time.Time, s settings) {
	used, loaded := usage[c.spec.Name]
	limit := c.memoryLimit()
	if !loaded || limit == 0 || used <= limit || c.status.State.Running == nil {
		return
	}
	// A started time has whole seconds only and may be up to one too early.
	if earliest := c.status.State.Running.StartedAt.Add(minimumRun); now.Before(earliest) {
		r.wakeAt(earliest)
		return
	}
	how := &corev1.ContainerStateTerminated{
		Reason: OOMKilled, ExitCode: OOMExitCode, ContainerID: c.status.ContainerID,
		StartedAt: c.status.State.Running.StartedAt, FinishedAt: metav1.NewTime(now),
	}
	die(pod, c.status, how, Death{}, now)
	r.wakeAt(r.memory.died(how.ContainerID, now).Add(s.restartDelay))
}

// setReadiness sets the pod's Ready and ContainersReady conditions by its containers.
func setReadiness(pod *corev1.Pod, status *corev1.PodStatus, now time.Time) {
	var unready []string
	for _, c := range containers(pod, status) {
		if !c.status.Ready {
			unready = append(unready, c.spec.Name)
		}
	}
	condition := corev1.PodCondition{Status: corev1.ConditionTrue}
	if len(unready) > 0 {
		condition = corev1.PodCondition{
			Status: corev1.ConditionFalse, Reason: "ContainersNotReady",
			Message: fmt.Sprintf("containers with unready status: [%s]", strings.Join(unready, " ")),
		}
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodReady, corev1.ContainersReady} {
		condition.Type = kind
		setCondition(status, condition, now)
	}
}

// setCondition sets a condition; its transition time changes with its status only.
func setCondition(status *corev1.PodStatus, c corev1.PodCondition, now time.Time) {
	c.LastTransitionTime = metav1.NewTime(now)
	for i := range status.Conditions {
		old := &status.Conditions[i]
		if old.Type != c.Type {
			continue
		}
		if old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
		if c.ObservedGeneration == 0 {
			c.ObservedGeneration = old.ObservedGeneration
		}
		c.LastProbeTime = old.LastProbeTime
		*old = c
		return
	}
	status.Conditions = append(status.Conditions, c)
}

func condition(status *corev1.PodStatus, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range status.Conditions {
		if status.Conditions[i].Type == kind {
			return &status.Conditions[i]
		}
	}
	return nil
}

func removeCondition(status *corev1.PodStatus, kind corev1.PodConditionType) {
	kept := status.Conditions[:0]
	for _, c := range status.Conditions {
		if c.Type != kind {
			kept = append(kept, c)
		}
	}
	status.Conditions = kept
}
