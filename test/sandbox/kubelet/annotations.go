package kubelet

// Annotations of a pod that steer how it is played.
const (
	// ResizeAnnotation makes the pod's resizes pend: its value is the reason, Deferred or Infeasible. When it is removed, a
	// deferred resize goes on; an infeasible one stays so until the pod's spec changes, as on a real node.
	ResizeAnnotation = "sandbox.metapilot.dev/resize"

	// ResizeDelayAnnotation is the time from admission to actuation, such as "2s".
	ResizeDelayAnnotation = "sandbox.metapilot.dev/resize-delay"

	// UsageCPUAnnotation and UsageMemoryAnnotation are what the pod's first container uses, as kwok reports it to
	// metrics-server. With "." and its name appended they are about another container. The kubelet writes them for pods
	// with a load; on others they may be set by hand.
	UsageCPUAnnotation    = "kwok.x-k8s.io/usage-cpu"
	UsageMemoryAnnotation = "kwok.x-k8s.io/usage-memory"

	// UsagePageCacheAnnotation is how much of the memory of the pod's first container is page cache; with "." and a name
	// that of another container. It is set by hand, and only Prometheus sees it.
	UsagePageCacheAnnotation = "kwok.x-k8s.io/usage-page-cache"
)
