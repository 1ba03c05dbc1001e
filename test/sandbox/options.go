package sandbox

import (
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Options say what a sandbox is made of. The zero value is an API server and its etcd.
type Options struct {
	// Dir is the state folder: certificates, kubeconfig, logs, data. "" makes a temporary one that Stop removes. A folder
	// that was given stays; it must not belong to a running sandbox.
	Dir string

	// Controllers runs kube-controller-manager and kube-scheduler.
	Controllers bool

	// Nodes is the number of simulated nodes (kwok), each with its simulated kubelet; 0 runs neither.
	Nodes int

	// NodeSize is the allocatable capacity of each node; a zero field takes its default: 64 CPUs, 256 GiB, 500 pods.
	NodeSize NodeSize

	// Metrics runs metrics-server; needs Nodes. PodMetrics have values about 20 s after Start, when it has scraped twice.
	Metrics bool

	// Prometheus runs Prometheus, which scrapes what containers use under cAdvisor's names, and Targets. It is built when it is
	// first asked for: about two minutes. See [Sandbox.PrometheusURL].
	Prometheus bool

	// ScrapeInterval is how often Prometheus scrapes; 0 takes the default, 5 s.
	ScrapeInterval time.Duration

	// Targets are further targets of Prometheus, "127.0.0.1:8080" with metrics at /metrics. They may give samples with times
	// of the last month.
	Targets []string

	// ResizeDelay is the time from an admitted resize to its actuation; 0 takes the default, 300 ms. A pod's annotation
	// [kubelet.ResizeDelayAnnotation] overrides it.
	ResizeDelay time.Duration

	// RestartBackOff is the first back-off of a container that fails again, doubling to 30 times of it; 0 takes the
	// kubelet's 10 s (to 300 s). Tests shorten it.
	RestartBackOff time.Duration

	// APIServerArgs are further arguments of kube-apiserver, such as "--runtime-config=api/all=true".
	APIServerArgs []string

	// RealTenants is the number of tenants of which a real kube-apiserver and etcd run, "real-0001" and so on; needs Controllers
	// and Nodes. See [Sandbox.AddRealTenant].
	RealTenants int

	// Progress gets a line per step and what is being built; nil is silent.
	Progress io.Writer
}

// NodeSize is the allocatable capacity of a simulated node.
type NodeSize struct {
	CPU    resource.Quantity
	Memory resource.Quantity
	Pods   int
}

func (o Options) withDefaults() (Options, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if o.NodeSize.CPU.IsZero() {
		o.NodeSize.CPU = resource.MustParse("64")
	}
	if o.NodeSize.Memory.IsZero() {
		o.NodeSize.Memory = resource.MustParse("256Gi")
	}
	if o.NodeSize.Pods == 0 {
		o.NodeSize.Pods = 500
	}
	if o.ScrapeInterval == 0 {
		o.ScrapeInterval = 5 * time.Second
	}
	switch {
	case o.Nodes < 0:
		return o, fmt.Errorf("options: Nodes is %d; it must be 0 or more", o.Nodes)
	case o.Metrics && o.Nodes == 0:
		return o, fmt.Errorf("options: Metrics needs Nodes, for there is nothing to measure without")
	case o.RealTenants < 0:
		return o, fmt.Errorf("options: RealTenants is %d; it must be 0 or more", o.RealTenants)
	case o.RealTenants > 0 && (!o.Controllers || o.Nodes == 0):
		return o, fmt.Errorf("options: RealTenants needs Controllers and Nodes, for its tenants have pods too")
	case o.ScrapeInterval < 0:
		return o, fmt.Errorf("options: ScrapeInterval is %s; it must be above 0", o.ScrapeInterval)
	case len(o.Targets) > 0 && !o.Prometheus:
		return o, fmt.Errorf("options: Targets needs Prometheus, which scrapes them")
	}
	return o, nil
}
