package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Group, version and kind that a configuration file must carry.
const (
	APIVersion = "config.metapilot.dev/v1alpha1"
	Kind       = "Configuration"
)

// Switch turns something on or off.
type Switch string

const (
	// Enabled turns it on.
	Enabled Switch = "Enabled"
	// Disabled turns it off.
	Disabled Switch = "Disabled"
	// Auto turns it on where what it needs is configured.
	Auto Switch = "Auto"
)

// Configuration is everything that can be set of a manager.
type Configuration struct {
	metav1.TypeMeta `json:",inline"`

	// leaderElection lets several managers run, of which one acts.
	LeaderElection LeaderElection `json:"leaderElection,omitzero"`
	// health are the endpoints /healthz and /readyz.
	Health Health `json:"health,omitzero"`
	// metrics is the endpoint /metrics, always over TLS.
	Metrics Metrics `json:"metrics,omitzero"`
	// pprof are Go's profiling endpoints.
	Pprof Pprof `json:"pprof,omitzero"`
	// logging is how and how much is logged.
	Logging Logging `json:"logging,omitzero"`
	// client is how hard the MetaCluster's API server may be asked.
	Client Client `json:"client,omitzero"`
	// usage is where measured usage comes from.
	Usage Usage `json:"usage,omitzero"`
	// emergency is the lane that answers OOM kills.
	Emergency Emergency `json:"emergency,omitzero"`
	// scaleDown is what holds for the scale-downs of the whole fleet.
	ScaleDown ScaleDown `json:"scaleDown,omitzero"`
	// records is how many ScalingRecords are kept.
	Records Records `json:"records,omitzero"`
	// profiles is the profile service: what every workload has used, and needs.
	Profiles Profiles `json:"profiles,omitzero"`
	// signals are what control planes go through: rejected requests, throttled clients, pressure on memory, object counts.
	Signals Signals `json:"signals,omitzero"`
}

// LeaderElection lets several managers run, of which one acts.
type LeaderElection struct {
	// state Enabled or Disabled. Disable it only where no second manager can run. Default Enabled.
	State Switch `json:"state,omitempty"`
	// namespace of the Lease. Default: the namespace in which the manager's pod runs; outside a cluster it must be set.
	Namespace string `json:"namespace,omitempty"`
	// name of the Lease. Default metapilot.
	Name string `json:"name,omitempty"`
	// leaseSeconds: after this time without a renewal another manager takes over. A manager that stops in an orderly way
	// hands over at once. Default 15.
	LeaseSeconds int32 `json:"leaseSeconds,omitempty"`
	// renewSeconds: a leader that could not renew for this time stops acting and ends. Less than leaseSeconds. Default 10.
	RenewSeconds int32 `json:"renewSeconds,omitempty"`
	// retrySeconds between two tries to get or renew the Lease. Less than renewSeconds. Default 2.
	RetrySeconds int32 `json:"retrySeconds,omitempty"`
}

// Health are the endpoints /healthz and /readyz. Ready means: every cache holds what the API server has.
type Health struct {
	// bindAddress, e.g. ":8081"; "" serves none. Default ":8081".
	BindAddress string `json:"bindAddress,omitempty"`
}

// Metrics is the endpoint /metrics, always over TLS.
type Metrics struct {
	// bindAddress, e.g. ":8443"; "" serves none. Default ":8443".
	BindAddress string `json:"bindAddress,omitempty"`
	// authentication Enabled: the caller's bearer token is checked by the API server (TokenReview), and it must be
	// allowed to get the non-resource URL /metrics (SubjectAccessReview). Default Enabled.
	Authentication Switch `json:"authentication,omitempty"`
	// tls is the certificate that is served.
	TLS TLS `json:"tls,omitzero"`
}

// TLS is a served certificate.
type TLS struct {
	// certDir is a directory with tls.crt and tls.key, read again when they change. "" serves a certificate that the
	// manager signs itself at its start. Default "".
	CertDir string `json:"certDir,omitempty"`
}

// Pprof are Go's profiling endpoints under /debug/pprof/. They are neither encrypted nor authenticated.
type Pprof struct {
	// bindAddress, a loopback address such as "127.0.0.1:6060"; "" serves none. Default "".
	BindAddress string `json:"bindAddress,omitempty"`
}

// LogFormat is how a log line looks.
type LogFormat string

const (
	// LogJSON writes one JSON object a line.
	LogJSON LogFormat = "json"
	// LogConsole writes lines for people.
	LogConsole LogFormat = "console"
)

// LogLevel is how much is logged.
type LogLevel string

const (
	// LogError logs only what failed.
	LogError LogLevel = "error"
	// LogInfo also logs what changed in the world.
	LogInfo LogLevel = "info"
	// LogDebug also logs why.
	LogDebug LogLevel = "debug"
	// LogTrace also logs what the libraries say of their work.
	LogTrace LogLevel = "trace"
)

// Logging is how and how much is logged, on standard error.
type Logging struct {
	// format json or console. Default json.
	Format LogFormat `json:"format,omitempty"`
	// level error, info, debug or trace. Default info.
	Level LogLevel `json:"level,omitempty"`
}

// Client is how hard the MetaCluster's API server may be asked.
type Client struct {
	// qps is how many requests a second may be sent on average. Default 200.
	QPS int32 `json:"qps,omitempty"`
	// burst is how many may be sent at once; at least qps. Default 400.
	Burst int32 `json:"burst,omitempty"`
}

// Usage is where measured usage comes from.
type Usage struct {
	// metricsServer is the resource metrics API, metrics.k8s.io.
	MetricsServer MetricsServer `json:"metricsServer,omitzero"`
}

// MetricsServer reads the usage of the whole fleet from metrics.k8s.io, one request per interval.
type MetricsServer struct {
	// state Enabled or Disabled. OOM kills are answered without it too; it tells a kill by the container's limit from one
	// by the node, and gives the peak to grow from. Default Enabled.
	State Switch `json:"state,omitempty"`
	// intervalSeconds between two requests. A sample older than three intervals is stale. Default 15, as often as
	// metrics-server measures by default.
	IntervalSeconds int32 `json:"intervalSeconds,omitempty"`
	// timeoutSeconds for one request. At most intervalSeconds. Default 10.
	TimeoutSeconds int32 `json:"timeoutSeconds,omitempty"`
	// peakWindowSeconds is how long the highest memory usage of a container is remembered. Default 3600.
	PeakWindowSeconds int32 `json:"peakWindowSeconds,omitempty"`
}

// Emergency is the lane that answers OOM kills.
type Emergency struct {
	// maxConcurrentReconciles is how many tenants are looked at at once. Default 16.
	MaxConcurrentReconciles int32 `json:"maxConcurrentReconciles,omitempty"`
}

// Records is how many ScalingRecords are kept. A record that is being carried out or watched is always kept.
type Records struct {
	// keepPerComponent is how many are kept per component, the newest. Default 20.
	KeepPerComponent int32 `json:"keepPerComponent,omitempty"`
	// maxAgeSeconds is how long one is kept. Default 2592000 (30 days).
	MaxAgeSeconds int32 `json:"maxAgeSeconds,omitempty"`
}
