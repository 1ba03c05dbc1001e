package kubelet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// container is one long-running container of a pod: its spec and, to be changed in place, its status.
type container struct {
	spec   *corev1.Container
	status *corev1.ContainerStatus
	policy corev1.RestartPolicy
}

// containers returns the pod's containers and restartable init containers that have a status. The statuses are those of the
// given status, so changes to them are changes to it.
func containers(pod *corev1.Pod, status *corev1.PodStatus) []container {
	var all []container
	for i := range pod.Spec.InitContainers {
		spec := &pod.Spec.InitContainers[i]
		if spec.RestartPolicy == nil || *spec.RestartPolicy != corev1.ContainerRestartPolicyAlways {
			continue
		}
		if st := statusOf(status.InitContainerStatuses, spec.Name); st != nil {
			all = append(all, container{spec: spec, status: st, policy: corev1.RestartPolicyAlways})
		}
	}
	for i := range pod.Spec.Containers {
		spec := &pod.Spec.Containers[i]
		if st := statusOf(status.ContainerStatuses, spec.Name); st != nil {
			all = append(all, container{spec: spec, status: st, policy: pod.Spec.RestartPolicy})
		}
	}
	return all
}

func statusOf(statuses []corev1.ContainerStatus, name string) *corev1.ContainerStatus {
	for i := range statuses {
		if statuses[i].Name == name {
			return &statuses[i]
		}
	}
	return nil
}

// memoryLimit is the limit in force: the one actuated, else the one asked for; 0 is none. Bytes.
func (c container) memoryLimit() int64 {
	limits := c.spec.Resources.Limits
	if c.status.Resources != nil {
		limits = c.status.Resources.Limits
	}
	return limits.Memory().Value()
}

// actuated reports whether the container runs with the resources it asks for.
func (c container) actuated() bool {
	var now corev1.ResourceRequirements
	if c.status.Resources != nil {
		now = *c.status.Resources
	}
	return sameResources(now.Requests, c.spec.Resources.Requests) && sameResources(now.Limits, c.spec.Resources.Limits)
}

func sameResources(a, b corev1.ResourceList) bool {
	return len(a) == 0 && len(b) == 0 || apiequality.Semantic.DeepEqual(a, b)
}

// allocate reports the requests as admitted.
func (c container) allocate() { c.status.AllocatedResources = c.spec.Resources.Requests.DeepCopy() }

// apply reports the resources as in force.
func (c container) apply() {
	c.status.Resources = &corev1.ResourceRequirements{
		Requests: c.spec.Resources.Requests.DeepCopy(), Limits: c.spec.Resources.Limits.DeepCopy(),
	}
}

// allocated are the resources the kubelet runs the container with: those asked for, unless the resize pends.
func (c container) allocated(pending bool) corev1.ResourceRequirements {
	if pending && c.status.Resources != nil {
		return *c.status.Resources
	}
	return c.spec.Resources
}

// resourcesKey is resources as a part of a back-off's key.
func resourcesKey(r corev1.ResourceRequirements) string {
	return fmt.Sprintf("cpu %s/%s memory %s/%s", r.Requests.Cpu(), r.Limits.Cpu(), r.Requests.Memory(), r.Limits.Memory())
}

// death returns how the container's latest run ended, if it does not run.
func death(st *corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	switch {
	case st.State.Terminated != nil:
		return st.State.Terminated
	case st.State.Waiting != nil:
		return st.LastTerminationState.Terminated
	}
	return nil
}

// start reports a dead container as started again.
func start(pod *corev1.Pod, st *corev1.ContainerStatus, how *corev1.ContainerStateTerminated, restarts int32, now time.Time) {
	st.LastTerminationState = corev1.ContainerState{Terminated: how}
	st.RestartCount += restarts
	st.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now)}}
	st.ContainerID = newContainerID(pod, st.Name, st.RestartCount, now)
	st.Ready, st.Started = true, ptr.To(true)
}

// newContainerID is unlike that of any other run of any container.
func newContainerID(pod *corev1.Pod, name string, restart int32, now time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d/%d", pod.UID, name, restart, now.UnixNano()))
	return "containerd://" + hex.EncodeToString(sum[:])
}
