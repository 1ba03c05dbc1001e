package v1alpha1

// Signals are what a tenant's control plane goes through, read from Prometheus for the whole fleet.
type Signals struct {
	// state Enabled, Disabled or Auto: on where the address of a Prometheus is set, here or in profiles. Default Auto.
	State Switch `json:"state,omitempty"`
	// intervalSeconds between two readings of the whole fleet, each of one query per signal. Default 30.
	IntervalSeconds int32 `json:"intervalSeconds,omitempty"`
	// timeoutSeconds for one query. At most intervalSeconds. Default 10.
	TimeoutSeconds int32 `json:"timeoutSeconds,omitempty"`
	// windowSeconds is the time over which rates are taken, at least two scrapes long. Default 120.
	WindowSeconds int32 `json:"windowSeconds,omitempty"`
	// queries are asked in place of Metapilot's own.
	Queries []SignalQuery `json:"queries,omitempty"`
	// prometheus is where Prometheus is. Without an address it is that of profiles, with all that belongs to it.
	Prometheus PrometheusServer `json:"prometheus,omitzero"`
}

// SignalQuery is asked in place of Metapilot's own query of a signal.
type SignalQuery struct {
	// signal is its name, such as Rejections.
	Signal string `json:"signal"`
	// query in PromQL, for the whole fleet: a row per pod, with the labels namespace, pod and container. $matchers, $window
	// and $seconds stand for the matchers, the window, and its seconds.
	Query string `json:"query"`
}

// SignalsServer gives the Prometheus that signals are read from: their own, or that of profiles. Its address is "" where there
// is none.
func (c *Configuration) SignalsServer() PrometheusServer {
	if c.Signals.Prometheus.Address != "" {
		return c.Signals.Prometheus
	}
	return c.Profiles.Prometheus.PrometheusServer
}

// SignalsOn tells whether signals are read.
func (c *Configuration) SignalsOn() bool {
	return c.Signals.State == Enabled || c.Signals.State == Auto && c.SignalsServer().Address != ""
}
