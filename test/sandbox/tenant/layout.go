package tenant

import (
	"fmt"
	"slices"
	"strings"
)

// Names of a tenant's components: of the workload and of its main container.
const (
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Etcd              = "etcd"
	Konnectivity      = "konnectivity-server" // the sidecar of layout "sidecar"
)

// Layout is one way to run a control plane.
type Layout struct {
	Name    string
	Summary string
	Sizes   map[string]Size // by container name
	// Sidecar adds konnectivity-server to the API server's pods, as a second container.
	Sidecar bool
	// InitContainers adds an init container that ends and a restartable one (a sidecar in Kubernetes' sense) to etcd.
	InitContainers bool
	// Single is one kube-apiserver with few seats and one etcd, in place of two and three.
	Single bool
}

// Single is the layout of real tenants: a process for each pod that serves something, and few enough seats to fill.
const Single = "single"

// Seats are how many requests an API server carries out at once: those that read, and those that write.
type Seats struct{ Read, Write int }

func (l Layout) seats() Seats {
	if l.Single {
		return Seats{Read: 20, Write: 10}
	}
	return Seats{Read: 400, Write: 200} // Kubernetes' own (apiserver/pkg/server/config.go)
}

// replicas is how many pods a component has that has so many otherwise.
func (l Layout) replicas(otherwise int32) int32 {
	if l.Single {
		return 1
	}
	return otherwise
}

// Size is requests and limits of one container in Kubernetes' notation; "" means not set.
type Size struct {
	CPURequest, CPULimit       string
	MemoryRequest, MemoryLimit string
}

// guaranteed is a size whose limits are its requests.
func guaranteed(cpu, memory string) Size {
	return Size{CPURequest: cpu, CPULimit: cpu, MemoryRequest: memory, MemoryLimit: memory}
}

// burstable is the usual size of a control-plane component: CPU may burst, memory may not.
func burstable(cpu, memory string) Size {
	return Size{CPURequest: cpu, MemoryRequest: memory, MemoryLimit: memory}
}

// layouts is every layout there is.
var layouts = []Layout{
	{
		Name: "small", Summary: "memory requests = limits, no CPU limits (Burstable); the usual one",
		Sizes: map[string]Size{
			APIServer: burstable("250m", "512Mi"), ControllerManager: burstable("100m", "128Mi"),
			Scheduler: burstable("50m", "64Mi"), Etcd: burstable("200m", "512Mi"),
		},
	},
	{
		Name: "guaranteed", Summary: "requests = limits for CPU and memory (Guaranteed); every resize must move both",
		Sizes: map[string]Size{
			APIServer: guaranteed("500m", "1Gi"), ControllerManager: guaranteed("200m", "256Mi"),
			Scheduler: guaranteed("100m", "128Mi"), Etcd: guaranteed("300m", "1Gi"),
		},
	},
	{
		Name: "sidecar", Summary: "as small, with a konnectivity sidecar beside kube-apiserver and init containers in etcd",
		Sizes: map[string]Size{
			APIServer: burstable("250m", "512Mi"), ControllerManager: burstable("100m", "128Mi"),
			Scheduler: burstable("50m", "64Mi"), Etcd: burstable("200m", "512Mi"), Konnectivity: burstable("50m", "64Mi"),
			backupSidecar: burstable("20m", "64Mi"), bootstrapInit: burstable("10m", "32Mi"),
		},
		Sidecar: true, InitContainers: true,
	},
	{
		Name: Single, Summary: "as small, with one kube-apiserver of 30 seats and one etcd; the one of real tenants",
		Sizes: map[string]Size{
			APIServer: burstable("250m", "512Mi"), ControllerManager: burstable("100m", "128Mi"),
			Scheduler: burstable("50m", "64Mi"), Etcd: burstable("200m", "512Mi"),
		},
		Single: true,
	},
}

// Layouts returns all layouts.
func Layouts() []Layout { return slices.Clone(layouts) }

// LayoutOf returns the layout of that name; "" is the first. The error lists the names there are.
func LayoutOf(name string) (Layout, error) {
	if name == "" {
		return layouts[0], nil
	}
	var names []string
	for _, l := range layouts {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return Layout{}, fmt.Errorf("there is no layout %q; there are: %s", name, strings.Join(names, ", "))
}
