package signals

import (
	"slices"
	"time"
)

// Name is a signal.
type Name string

// The signals.
const (
	// Rejections are requests that API Priority and Fairness has rejected.
	Rejections Name = "Rejections"
	// Seats is the share of its nominal seats that the fullest priority level of the API server takes.
	Seats Name = "Seats"
	// TooManyRequests are requests that were answered 429, for whatever reason but a disruption budget's.
	TooManyRequests Name = "TooManyRequests"
	// ClientThrottling is the time that the component's own clients wait for their rate limiter.
	ClientThrottling Name = "ClientThrottling"
	// MemoryPressure is the share of time in which something in the container waits for memory.
	MemoryPressure Name = "MemoryPressure"
	// Nodes, Pods and Objects are how many the tenant has. Objects are those of all kinds.
	Nodes   Name = "Nodes"
	Pods    Name = "Pods"
	Objects Name = "Objects"
	// LargestResource is how many objects there are of the kind that has most.
	LargestResource Name = "LargestResource"
)

// Unit is what an amount counts.
type Unit string

// The units.
const (
	// PerSecond is a number a second.
	PerSecond Unit = "1/s"
	// Share is a part of 1. It may be above 1.
	Share Unit = "share"
	// SecondsPerSecond is time that is lost in each second, of all that wait together.
	SecondsPerSecond Unit = "s/s"
	// Count is a number.
	Count Unit = "count"
)

// Scope is what a value is about.
type Scope string

// The scopes.
const (
	// Component: a value for each component of a tenant.
	Component Scope = "Component"
	// Tenant: one value for the tenant.
	Tenant Scope = "Tenant"
)

// Across is how the values of a component's pods become one.
type Across string

// The ways.
const (
	// Sum adds them up: each pod counts its own.
	Sum Across = "Sum"
	// Max takes the highest: the pod that is worst off, or all count the same.
	Max Across = "Max"
)

// Labels of an answer's rows, as Prometheus' operator and cAdvisor have them.
const (
	namespaceLabel = "namespace"
	podLabel       = "pod"
	componentLabel = "container"
)

// Signal is a row of the table.
type Signal struct {
	Name   Name
	Unit   Unit
	Scope  Scope
	Across Across
	// Fresh is how old a value may be and still say something of the present, or three intervals where that is longer.
	Fresh time.Duration
	// Query is PromQL with $matchers, $window and $seconds, which stand for the configured matchers, the window, and its
	// seconds. Its rows have the labels namespace, pod and container.
	Query string
}

const (
	// freshRate is four scrapes of 30 s, the interval of kube-prometheus (prometheus-operator's default scrapeInterval).
	freshRate = 2 * time.Minute
	// freshSize is how far back Prometheus looks for a sample (--query.lookback-delta); the API server itself counts once a
	// minute (--etcd-count-metric-poll-period).
	freshSize = 5 * time.Minute
)

// The anchors: what a process of that kind always has, in few rows.
const (
	seatsAnchor   = "apiserver_flowcontrol_nominal_limit_seats"
	serverAnchor  = "apiserver_current_inflight_requests"
	clientsAnchor = "rest_client_rate_limiter_duration_seconds_count"
)

// Table gives every signal. The names of the metrics, and their labels, are those of Kubernetes 1.37:
// apiserver/pkg/util/flowcontrol/metrics, apiserver/pkg/endpoints/metrics, apiserver/pkg/storage/etcd3/metrics,
// component-base/metrics/prometheus/restclient; and of cAdvisor 0.5x.
func Table() []Signal {
	return []Signal{
		{
			Name: Rejections, Unit: PerSecond, Scope: Component, Across: Sum, Fresh: freshRate,
			Query: counted("apiserver_flowcontrol_rejected_requests_total{$matchers}", "priority_level, flow_schema, reason", seatsAnchor),
		},
		{
			Name: Seats, Unit: Share, Scope: Component, Across: Max, Fresh: freshRate,
			Query: executing(),
		},
		{
			// An eviction that a disruption budget forbids is a 429 too, and no overload.
			Name: TooManyRequests, Unit: PerSecond, Scope: Component, Across: Sum, Fresh: freshRate,
			Query: counted(`apiserver_request_total{code="429",subresource!="eviction",$matchers}`,
				"verb, group, version, resource, subresource, scope, dry_run, component", serverAnchor),
		},
		{
			Name: ClientThrottling, Unit: SecondsPerSecond, Scope: Component, Across: Sum, Fresh: freshRate,
			Query: counted("rest_client_rate_limiter_duration_seconds_sum{$matchers}", "verb, host", clientsAnchor),
		},
		{
			Name: MemoryPressure, Unit: Share, Scope: Component, Across: Max, Fresh: freshRate,
			Query: waiting("container_pressure_memory_waiting_seconds_total"),
		},
		{Name: Nodes, Unit: Count, Scope: Tenant, Across: Max, Fresh: freshSize, Query: objectsOf("nodes")},
		{Name: Pods, Unit: Count, Scope: Tenant, Across: Max, Fresh: freshSize, Query: objectsOf("pods")},
		{Name: Objects, Unit: Count, Scope: Tenant, Across: Max, Fresh: freshSize, Query: objects("sum")},
		{Name: LargestResource, Unit: Count, Scope: Tenant, Across: Max, Fresh: freshSize, Query: objects("max")},
	}
}

// Names gives the signals in the order of the table.
func Names() []Name {
	var names []Name
	for _, s := range Table() {
		names = append(names, s.Name)
	}
	return names
}

// Of gives the row of a signal.
func Of(name Name) (Signal, bool) {
	table := Table()
	i := slices.IndexFunc(table, func(s Signal) bool { return s.Name == name })
	if i < 0 {
		return Signal{}, false
	}
	return table[i], true
}
