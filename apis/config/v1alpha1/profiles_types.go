package v1alpha1

// Profiles is the profile service: a WorkloadProfile for every workload of a managed tenant.
type Profiles struct {
	// state Enabled or Disabled. Default Enabled.
	State Switch `json:"state,omitempty"`
	// source of usage: MetricsServer or Prometheus. Default MetricsServer.
	Source ProfileSource `json:"source,omitempty"`
	// intervalSeconds between two readings of the whole fleet. Default 60.
	IntervalSeconds int32 `json:"intervalSeconds,omitempty"`
	// timeoutSeconds for one reading. At most intervalSeconds. Default 30.
	TimeoutSeconds int32 `json:"timeoutSeconds,omitempty"`
	// historySeconds is how far back usage is read from Prometheus before the first reading, where nothing is known yet.
	// 0 reads none. Default 1209600 (14 days).
	HistorySeconds int32 `json:"historySeconds"`
	// checkpointSeconds between two checkpoints of a profile, which are spread evenly over the fleet. What was measured
	// since is lost when the manager is killed; it is written when the manager is asked to stop. Default 3600.
	CheckpointSeconds int32 `json:"checkpointSeconds,omitempty"`
	// staleSeconds is the age of the newest measurement from which a profile is stale. Default 600.
	StaleSeconds int32 `json:"staleSeconds,omitempty"`
	// tolerancePercent is by how much an amount moves before the status is written. Default 5.
	TolerancePercent int32 `json:"tolerancePercent"`
	// writesPerSecond bounds the writes to profiles. Default 20.
	WritesPerSecond int32 `json:"writesPerSecond,omitempty"`
	// maxConcurrentReconciles is for how many tenants at once profiles are made. Default 4.
	MaxConcurrentReconciles int32 `json:"maxConcurrentReconciles,omitempty"`
	// algorithms of profiles that name none, by component; the component "" stands for all others. Default: Auto.
	Algorithms []ComponentAlgorithm `json:"algorithms,omitempty"`
	// prometheus is where and how Prometheus, or what speaks its API, is asked. Needed with source Prometheus.
	Prometheus Prometheus `json:"prometheus,omitzero"`
}

// ProfileSource names a source of usage.
type ProfileSource string

const (
	// SourceMetricsServer is metrics.k8s.io.
	SourceMetricsServer ProfileSource = "MetricsServer"
	// SourcePrometheus is what speaks the Prometheus API.
	SourcePrometheus ProfileSource = "Prometheus"
)

// ComponentAlgorithm is the algorithm of a component's profiles.
type ComponentAlgorithm struct {
	// component is its name; "" for all others.
	Component string `json:"component"`
	// type of the algorithm, with its default settings: Auto, VPA, Percentile, Peak, MovingWindow or Seasonal.
	Type string `json:"type"`
}

// Prometheus is where and how Prometheus, or what speaks its API (Thanos, Mimir, VictoriaMetrics), is asked. What is left
// out has the default of profiles/sources/prometheus.
type Prometheus struct {
	PrometheusServer `json:",inline"`

	// timeoutSeconds for one query. Default 30.
	TimeoutSeconds int32 `json:"timeoutSeconds,omitempty"`
	// queriesPerMinute is how many queries are sent at most; one reading takes three. Default 30.
	QueriesPerMinute int32 `json:"queriesPerMinute,omitempty"`
	// windowSeconds is the time that one reading is about, at least five scrapes long. Default 300.
	WindowSeconds int32 `json:"windowSeconds,omitempty"`
	// stepSeconds is the time between two points of the history. Default 300.
	StepSeconds int32 `json:"stepSeconds,omitempty"`
	// withoutPageCache is a regular expression for the names of containers whose memory is counted without page cache; "-"
	// for none. Default "etcd".
	WithoutPageCache string `json:"withoutPageCache,omitempty"`
}

// PrometheusServer is where Prometheus, or what speaks its API, is, and how it is shown who asks.
type PrometheusServer struct {
	// address is the URL below which the API is, such as "https://prometheus.monitoring:9090".
	Address string `json:"address,omitempty"`
	// bearerTokenFile holds a token that is sent along. Not together with basicAuth.
	BearerTokenFile string `json:"bearerTokenFile,omitempty"`
	// basicAuth is a name and a password that are sent along.
	BasicAuth BasicAuth `json:"basicAuth,omitzero"`
	// tls is how the server is checked, and how it is shown who asks.
	TLS ClientTLS `json:"tls,omitzero"`
	// headers that are sent along, such as X-Scope-OrgID.
	Headers []Header `json:"headers,omitempty"`
	// matchers narrow what is asked for, by label.
	Matchers []Matcher `json:"matchers,omitempty"`
}

// BasicAuth is a name and a password.
type BasicAuth struct {
	// username; "" sends none.
	Username string `json:"username,omitempty"`
	// passwordFile holds the password.
	PasswordFile string `json:"passwordFile,omitempty"`
}

// ClientTLS are files in PEM.
type ClientTLS struct {
	// caFile holds the authorities that are trusted; "" trusts those of the system.
	CAFile string `json:"caFile,omitempty"`
	// certFile holds the client's certificate.
	CertFile string `json:"certFile,omitempty"`
	// keyFile holds its key.
	KeyFile string `json:"keyFile,omitempty"`
	// serverName is the name in the server's certificate where it is not that of the address.
	ServerName string `json:"serverName,omitempty"`
}

// Header is a header with its value, or with a file that holds it.
type Header struct {
	// name of the header.
	Name string `json:"name"`
	// value of the header.
	Value string `json:"value,omitempty"`
	// valueFile holds the value.
	ValueFile string `json:"valueFile,omitempty"`
}

// Matcher narrows a query by a label.
type Matcher struct {
	// label that is compared.
	Label string `json:"label"`
	// op is how: "=", "!=", "=~" or "!~".
	Op string `json:"op"`
	// value that it is compared with.
	Value string `json:"value"`
}
