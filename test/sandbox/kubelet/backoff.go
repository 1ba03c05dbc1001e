package kubelet

import "time"

const (
	// maxBackOffFactor times the first back-off is the longest one: 10 s and 300 s in the kubelet
	// (pkg/kubelet/kubelet.go, MaxCrashLoopBackOff).
	maxBackOffFactor = 30
	// forgetFactor times the longest back-off without a failure forgets it (client-go util/flowcontrol, Backoff.hasExpired):
	// 10 minutes.
	forgetFactor = 2
)

// backOff is how long a container has to wait after it died. The zero value has seen no death.
type backOff struct {
	// resources the container had when it last died. A resize makes the kubelet's key another one
	// (pkg/kubelet/kuberuntime/helpers.go, GetBackOffKey), so the back-off starts anew.
	resources string
	wait      time.Duration
	updated   time.Time // the last start after a death
}

// until returns when a container that died at that time, having these resources, may start. It may start at once when
// there is no back-off: on the first death, after a resize, or after a long quiet time.
func (b backOff) until(died time.Time, resources string, first time.Duration) time.Time {
	if b.wait == 0 || b.resources != resources || died.Sub(b.updated) > forgetFactor*maxBackOffFactor*first {
		return died
	}
	return died.Add(b.wait)
}

// started returns the back-off after the container was started again at that time.
func (b backOff) started(now, died time.Time, resources string, first time.Duration) backOff {
	next := first
	if b.wait > 0 && b.resources == resources && died.Sub(b.updated) <= forgetFactor*maxBackOffFactor*first {
		next = min(2*b.wait, maxBackOffFactor*first)
	}
	return backOff{resources: resources, wait: next, updated: now}
}
