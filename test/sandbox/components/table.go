package components

import (
	"fmt"
	"slices"
	"strings"
)

// Names of the components, as [Builder.Build] takes them.
const (
	Etcd                   = "etcd"
	APIServer              = "kube-apiserver"
	ControllerManager      = "kube-controller-manager"
	Scheduler              = "kube-scheduler"
	Kwok                   = "kwok"
	MetricsServer          = "metrics-server"
	Prometheus             = "prometheus"
	VPARecommender         = "vpa-recommender"
	VPAUpdater             = "vpa-updater"
	VPAAdmissionController = "vpa-admission-controller"
)

const (
	vpaModule = "k8s.io/autoscaler/vertical-pod-autoscaler"

	kubernetesVersion = "v1.37.2"

	// Without these the API server reports v0.0.0, and clients switch features off.
	kubernetesLinkerFlags = "-s -w" +
		" -X k8s.io/component-base/version.gitVersion=" + kubernetesVersion +
		" -X k8s.io/component-base/version.gitMajor=1" +
		" -X k8s.io/component-base/version.gitMinor=37"

	prometheusVersion = "v0.316.0" // of the Go module; the program calls itself 3.16.0
	prometheusFlags   = "-s -w -X github.com/prometheus/common/version.Version=3.16.0"

	// The sandbox needs static targets alone. The other service discoveries are the clients of two dozen clouds.
	prometheusTags = "remove_all_sd"
)

// component is one program and how to build it.
type component struct {
	name        string
	module      string // folder below modules/
	pkg         string // what `go build` is asked for, inside that module
	pinned      string // the module path whose version names the program
	version     string // of pinned; a test compares it with the module's go.mod
	linkerFlags string
	tags        string // build tags, separated by commas
	optional    bool   // built only when named
}

// table is every component, in the order in which they are built: the large ones after the quick ones, so that a broken
// tool chain shows early.
var table = []component{
	{Etcd, "etcd", ".", "go.etcd.io/etcd/server/v3", "v3.7.3", "-s -w", "", false},
	{APIServer, "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes", kubernetesVersion, kubernetesLinkerFlags, "", false},
	{ControllerManager, "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", "k8s.io/kubernetes", kubernetesVersion, kubernetesLinkerFlags, "", false},
	{Scheduler, "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", "k8s.io/kubernetes", kubernetesVersion, kubernetesLinkerFlags, "", false},
	{Kwok, "kwok", "sigs.k8s.io/kwok/cmd/kwok", "sigs.k8s.io/kwok", "v0.8.0", "-s -w", "", false},
	{MetricsServer, "metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server", "sigs.k8s.io/metrics-server", "v0.9.0", "-s -w", "", false},
	{Prometheus, "prometheus", "github.com/prometheus/prometheus/cmd/prometheus", "github.com/prometheus/prometheus", prometheusVersion, prometheusFlags, prometheusTags, true},
	{VPARecommender, "vpa", vpaModule + "/pkg/recommender", vpaModule, "v1.8.1", "-s -w", "", true},
	{VPAUpdater, "vpa", vpaModule + "/pkg/updater", vpaModule, "v1.8.1", "-s -w", "", true},
	{VPAAdmissionController, "vpa", vpaModule + "/pkg/admission-controller", vpaModule, "v1.8.1", "-s -w", "", true},
}

// Default returns the names of everything a whole sandbox is made of, in building order.
func Default() []string {
	var names []string
	for _, c := range table {
		if !c.optional {
			names = append(names, c.name)
		}
	}
	return names
}

// VPA returns the names of the Vertical Pod Autoscaler's programs, which a sandbox does not need: they are the peer in
// benchmarks.
func VPA() []string { return []string{VPARecommender, VPAUpdater, VPAAdmissionController} }

// Version returns the pinned version of a component, "" for a name that is not one.
func Version(name string) string {
	c, err := lookUp(name)
	if err != nil {
		return ""
	}
	return c.version
}

// lookUp returns the row of a name. The error lists the names there are.
func lookUp(name string) (component, error) {
	i := slices.IndexFunc(table, func(c component) bool { return c.name == name })
	if i >= 0 {
		return table[i], nil
	}
	var names []string
	for _, c := range table {
		names = append(names, c.name)
	}
	return component{}, fmt.Errorf("there is no component %q; there are: %s", name, strings.Join(names, ", "))
}
