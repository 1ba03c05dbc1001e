package fleet

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// trimPod keeps of a pod what is read: who it is, what its containers are given, and how they are.
func trimPod(pod *corev1.Pod) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:              pod.Name,
			Namespace:         pod.Namespace,
			UID:               pod.UID,
			ResourceVersion:   pod.ResourceVersion,
			Generation:        pod.Generation,
			CreationTimestamp: pod.CreationTimestamp,
			DeletionTimestamp: pod.DeletionTimestamp,
			Labels:            pod.Labels,
			OwnerReferences:   pod.OwnerReferences,
		},
		Spec: corev1.PodSpec{
			NodeName:       pod.Spec.NodeName,
			InitContainers: trimContainers(pod.Spec.InitContainers),
			Containers:     trimContainers(pod.Spec.Containers),
			Resources:      pod.Spec.Resources,
		},
		Status: corev1.PodStatus{
			ObservedGeneration:    pod.Status.ObservedGeneration,
			Phase:                 pod.Status.Phase,
			Reason:                pod.Status.Reason,
			QOSClass:              pod.Status.QOSClass,
			Conditions:            trimPodConditions(pod.Status.Conditions),
			InitContainerStatuses: trimStatuses(pod.Status.InitContainerStatuses, pod.Spec.InitContainers),
			ContainerStatuses:     trimStatuses(pod.Status.ContainerStatuses, pod.Spec.Containers),
		},
	}
}

func trimContainers(containers []corev1.Container) []corev1.Container {
	if len(containers) == 0 {
		return nil
	}
	out := make([]corev1.Container, len(containers))
	for i, c := range containers {
		out[i] = corev1.Container{
			Name:          c.Name,
			Resources:     shareResources(c.Resources),
			ResizePolicy:  c.ResizePolicy,
			RestartPolicy: c.RestartPolicy,
		}
	}
	return out
}

// shareResources lets requests and limits that are equal be one map: a ResourceList takes some 700 bytes, and a pod whose
// size is in force carries the same one up to five times. Objects of the cache are copied before they are given out.
func shareResources(r corev1.ResourceRequirements) corev1.ResourceRequirements {
	r.Requests = shareList(r.Requests, r.Limits)
	return r
}

// shareList gives the first of the others that is equal to the list, else the list.
func shareList(list corev1.ResourceList, others ...corev1.ResourceList) corev1.ResourceList {
	for _, other := range others {
		if len(list) == len(other) && equality.Semantic.DeepEqual(list, other) {
			return other
		}
	}
	return list
}

// trimStatuses keeps what is read of container statuses; amounts that are equal to the container's share its maps.
func trimStatuses(statuses []corev1.ContainerStatus, containers []corev1.Container) []corev1.ContainerStatus {
	if len(statuses) == 0 {
		return nil
	}
	specified := make(map[string]corev1.ResourceRequirements, len(containers))
	for _, c := range containers {
		specified[c.Name] = shareResources(c.Resources)
	}
	out := make([]corev1.ContainerStatus, len(statuses))
	for i, s := range statuses {
		spec := specified[s.Name]
		out[i] = corev1.ContainerStatus{
			Name:                 s.Name,
			State:                trimState(s.State),
			LastTerminationState: trimState(s.LastTerminationState),
			Ready:                s.Ready,
			RestartCount:         s.RestartCount,
			ContainerID:          s.ContainerID,
			Started:              s.Started,
			AllocatedResources:   shareList(s.AllocatedResources, spec.Requests, spec.Limits),
		}
		if s.Resources != nil {
			out[i].Resources = &corev1.ResourceRequirements{
				Limits:   shareList(s.Resources.Limits, spec.Limits, spec.Requests),
				Requests: shareList(s.Resources.Requests, spec.Requests, spec.Limits),
			}
		}
	}
	return out
}

// trimState drops the messages: a terminated container's may be 4 KiB of its log.
func trimState(s corev1.ContainerState) corev1.ContainerState {
	out := corev1.ContainerState{Running: s.Running}
	if s.Waiting != nil {
		out.Waiting = &corev1.ContainerStateWaiting{Reason: s.Waiting.Reason}
	}
	if s.Terminated != nil {
		terminated := *s.Terminated
		terminated.Message = ""
		out.Terminated = &terminated
	}
	return out
}

// trimPodConditions keeps Ready, PodScheduled and those that tell of a resize (PodResizePending, PodResizeInProgress).
func trimPodConditions(conditions []corev1.PodCondition) []corev1.PodCondition {
	var out []corev1.PodCondition
	for _, c := range conditions {
		if c.Type == corev1.PodReady || c.Type == corev1.PodScheduled || strings.HasPrefix(string(c.Type), "PodResize") {
			out = append(out, c)
		}
	}
	return out
}
