package kubelet

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// revive starts a dead container again, at once or after its back-off, and keeps count of deaths it has only heard of.
func revive(pod *corev1.Pod, c container, r *result, now time.Time, s settings) {
	name, st := c.spec.Name, c.status
	pending := condition(&r.status, corev1.PodResizePending) != nil
	resources := resourcesKey(c.allocated(pending))
	how := death(st)
	if how == nil {
		noteMissed(c, resources, r, now, s)
		return
	}
	if !restarts(c.policy, how) {
		return
	}
	if st.State.Waiting != nil {
		if _, known := r.memory.backOffs[name]; !known {
			// Somebody else put it there, so it has died before; that was, at the least, once.
			r.memory.backOffs[name] = backOff{resources: resources, wait: s.firstBackOff, updated: now}
		}
	}
	died := r.memory.died(how.ContainerID, now)
	bo := r.memory.backOffs[name]
	until := bo.until(died, resources, s.firstBackOff)
	if until.Equal(died) {
		// No back-off. A moment passes all the same, as on a real node, so that the death is seen; one in CrashLoopBackOff
		// was seen already.
		if st.State.Terminated != nil {
			until = died.Add(s.restartDelay)
		}
	} else if st.State.Terminated != nil && !now.Before(died.Add(s.restartDelay)) {
		crashLoop(pod, st, how, bo.wait.String())
	}
	if now.Before(until) {
		r.wakeAt(until)
		if st.State.Terminated != nil {
			r.wakeAt(died.Add(s.restartDelay))
		}
		return
	}
	r.memory.backOffs[name] = bo.started(now, died, resources, s.firstBackOff)
	delete(r.memory.deaths, how.ContainerID)
	start(pod, st, how, 1, now)
	if !pending {
		c.apply()
		c.allocate()
	}
}

// noteMissed counts the death of a container that was seen running again only, once.
func noteMissed(c container, resources string, r *result, now time.Time, s settings) {
	last := c.status.LastTerminationState.Terminated
	if c.status.State.Running == nil || last == nil || last.ContainerID == "" {
		return
	}
	bo, known := r.memory.backOffs[c.spec.Name]
	if known && !bo.updated.Before(last.FinishedAt.Time) {
		return // it was this kubelet that started it
	}
	r.memory.backOffs[c.spec.Name] = bo.started(now, last.FinishedAt.Time, resources, s.firstBackOff)
}

// restarts reports whether a container that ended that way starts again.
func restarts(policy corev1.RestartPolicy, how *corev1.ContainerStateTerminated) bool {
	switch policy {
	case corev1.RestartPolicyNever:
		return false
	case corev1.RestartPolicyOnFailure:
		return how.ExitCode != 0
	}
	return true
}
