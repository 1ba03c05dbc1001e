// Package sighting reads OOM kills out of pods: it turns their statuses into the values that package oom judges.
package sighting

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/scalers/oom"
	"github.com/metapilot/metapilot/size"
)

// Of reads what a pod's status says of each of its containers: ordinary ones, init containers and sidecars.
func Of(pod *corev1.Pod) []oom.Sighting {
	var out []oom.Sighting
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range list {
			out = append(out, one(pod, &list[i]))
		}
	}
	return out
}

func one(pod *corev1.Pod, status *corev1.ContainerStatus) oom.Sighting {
	s := oom.Sighting{
		PodUID:       string(pod.UID),
		Pod:          pod.Name,
		Container:    status.Name,
		RestartCount: status.RestartCount,
		ContainerID:  status.ContainerID,
		State:        termination(status.State.Terminated),
		Last:         termination(status.LastTerminationState.Terminated),
	}
	inForce := status.Resources
	if inForce == nil {
		if c := Container(pod.Spec.InitContainers, pod.Spec.Containers, status.Name); c != nil {
			inForce = &c.Resources
		}
	}
	if inForce != nil {
		sz := sizes.OfContainer(*inForce)
		s.Limit, s.Request = sz.Limits.Memory, sz.Requests.Memory
	}
	return s
}

func termination(t *corev1.ContainerStateTerminated) size.Opt[oom.Termination] {
	if t == nil {
		return size.Opt[oom.Termination]{}
	}
	return size.Of(oom.Termination{ContainerID: t.ContainerID, Reason: t.Reason, ExitCode: t.ExitCode, FinishedAt: t.FinishedAt.Time})
}

// Container finds a container by name among ordinary containers and sidecars; nil where there is none. An init
// container that runs to its end is none: its size is not the component's.
func Container(initContainers, containers []corev1.Container, name string) *corev1.Container {
	for i := range containers {
		if containers[i].Name == name {
			return &containers[i]
		}
	}
	for i := range initContainers {
		if c := &initContainers[i]; c.Name == name && IsSidecar(c) {
			return c
		}
	}
	return nil
}

// IsSidecar tells whether an init container runs as long as its pod.
func IsSidecar(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// Kills gives the kills that a pod shows, of any container.
func Kills(pod *corev1.Pod) []oom.Kill {
	var kills []oom.Kill
	for _, s := range Of(pod) {
		kills = append(kills, s.Kills()...)
	}
	return kills
}
