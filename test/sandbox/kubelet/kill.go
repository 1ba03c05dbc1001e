package kubelet

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// OOMKilled is the reason, and OOMExitCode the exit code (128 + SIGKILL), of a container the kernel killed for its memory.
const (
	OOMKilled   = "OOMKilled"
	OOMExitCode = 137

	crashLoopBackOff = "CrashLoopBackOff"
)

// Coalescing says what of a kill is seen first. The kubelet's status manager sends only the latest status, so watchers miss
// what came between.
type Coalescing string

// The ways a kill is first seen.
const (
	InOrder     Coalescing = ""          // terminated; the kubelet goes on from there
	ToRestarted Coalescing = "Restarted" // running again, with the kill as its last termination
	ToCrashLoop Coalescing = "BackOff"   // waiting in CrashLoopBackOff, with the kill as its last termination
)

// Death is how a container dies. The zero value is an OOM kill seen in order.
type Death struct {
	Reason   string // "" is OOMKilled
	ExitCode int32  // 0 is 137
	Coalesce Coalescing
	// Missed is how many further deaths happened before this status, all unseen: they only show in the restart count.
	Missed int32
}

// Kill returns the pod's status after the named container died, and the ID of the container that died. "" is the pod's first
// container. Init containers can be killed, too: a sidecar is restarted, of one that ends only the status says so.
//
// Errors: there is no such container, or it does not run.
func Kill(pod *corev1.Pod, name string, d Death, now time.Time) (corev1.PodStatus, string, error) {
	if name == "" {
		name = pod.Spec.Containers[0].Name
	}
	status := *pod.Status.DeepCopy()
	st := statusOf(status.ContainerStatuses, name)
	if st == nil {
		st = statusOf(status.InitContainerStatuses, name)
	}
	if st == nil {
		return status, "", fmt.Errorf("pod %s/%s has no status of a container %q", pod.Namespace, pod.Name, name)
	}
	if d.Reason == "" {
		d.Reason = OOMKilled
	}
	if d.ExitCode == 0 {
		d.ExitCode = OOMExitCode
	}
	killed := st.ContainerID
	how := &corev1.ContainerStateTerminated{ExitCode: d.ExitCode, Reason: d.Reason, FinishedAt: metav1.NewTime(now), ContainerID: killed}
	switch {
	case st.State.Running != nil:
		how.StartedAt = st.State.Running.StartedAt
	case st.State.Terminated != nil && st.State.Terminated.Reason == "Completed":
		how.StartedAt = st.State.Terminated.StartedAt // an init container that had ended: as if it had not
	default:
		return status, "", fmt.Errorf("container %s of pod %s/%s does not run: %s", name, pod.Namespace, pod.Name, stateOf(st))
	}
	die(pod, st, how, d, now)
	setReadiness(pod, &status, now)
	return status, killed, nil
}

// die changes the status of a container to its having died that way.
func die(pod *corev1.Pod, st *corev1.ContainerStatus, how *corev1.ContainerStateTerminated, d Death, now time.Time) {
	switch d.Coalesce {
	case ToRestarted:
		start(pod, st, how, 1+d.Missed, now)
	case ToCrashLoop:
		st.RestartCount += d.Missed
		crashLoop(pod, st, how, "10s")
	default:
		st.RestartCount += d.Missed
		st.State = corev1.ContainerState{Terminated: how}
		st.Ready, st.Started = false, ptr.To(false)
	}
}

// crashLoop changes the status of a container to waiting for its back-off.
func crashLoop(pod *corev1.Pod, st *corev1.ContainerStatus, how *corev1.ContainerStateTerminated, wait string) {
	st.LastTerminationState = corev1.ContainerState{Terminated: how}
	st.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
		Reason:  crashLoopBackOff,
		Message: fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)", wait, st.Name, pod.Name, pod.Namespace, pod.UID),
	}}
	st.Ready, st.Started = false, ptr.To(false)
}

func stateOf(st *corev1.ContainerStatus) string {
	switch {
	case st.State.Waiting != nil:
		return "it waits in " + st.State.Waiting.Reason
	case st.State.Terminated != nil:
		return "it has terminated (" + st.State.Terminated.Reason + ")"
	}
	return "it has not started"
}
