package actuate

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/metapilot/metapilot/apis/v1alpha1/sizes"
	"github.com/metapilot/metapilot/size"
)

// place is where a container stands in a pod spec.
type place struct {
	list     string // "containers" or "initContainers"
	resource corev1.ResourceRequirements
}

// find gives the place of a container: an ordinary one, or a sidecar (an init container that restarts always).
func find(spec *corev1.PodSpec, container string) (place, bool) {
	for i := range spec.Containers {
		if spec.Containers[i].Name == container {
			return place{list: "containers", resource: spec.Containers[i].Resources}, true
		}
	}
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		if c.Name == container && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			return place{list: "initContainers", resource: c.Resources}, true
		}
	}
	return place{}, false
}

// gives tells whether the container of a pod spec has the size: every amount that the size has. Amounts the size does
// not have may be anything.
func gives(spec *corev1.PodSpec, container string, want size.Size) bool {
	at, ok := find(spec, container)
	return ok && covers(sizes.OfContainer(at.resource), want)
}

// covers tells whether have has every amount of want.
func covers(have, want size.Size) bool {
	return overlay(have, want) == have
}

// overlay gives base with the amounts of top where top has one. Replicas are base's.
func overlay(base, top size.Size) size.Size {
	base.Requests = overlayAmounts(base.Requests, top.Requests)
	base.Limits = overlayAmounts(base.Limits, top.Limits)
	return base
}

func overlayAmounts(base, top size.Amounts) size.Amounts {
	if top.CPU.Present() {
		base.CPU = top.CPU
	}
	if top.Memory.Present() {
		base.Memory = top.Memory
	}
	return base
}

// within gives the amounts of have for which want has one too, and nothing else.
func within(have, want size.Size) size.Size {
	return size.Size{Requests: withinAmounts(have.Requests, want.Requests), Limits: withinAmounts(have.Limits, want.Limits)}
}

func withinAmounts(have, want size.Amounts) size.Amounts {
	var out size.Amounts
	if want.CPU.Present() {
		out.CPU = have.CPU
	}
	if want.Memory.Present() {
		out.Memory = have.Memory
	}
	return out
}

// keepsQOS tells whether the pod's class stays the same when its container is given the size. A pod with resources of
// its own (pod level) has its class from them.
func keepsQOS(spec *corev1.PodSpec, container string, to size.Size) bool {
	if spec.Resources != nil {
		return true
	}
	var before, after []size.Size
	for _, list := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range list {
			s := sizes.OfContainer(list[i].Resources)
			before = append(before, s)
			if list[i].Name == container {
				s = overlay(s, to)
			}
			after = append(after, s)
		}
	}
	return size.QOSOf(before...) == size.QOSOf(after...)
}
