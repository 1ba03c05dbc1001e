package v1alpha1

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Validate checks a configuration. Every error says what to write.
func Validate(c *Configuration) field.ErrorList {
	var errs field.ErrorList
	if c.APIVersion != APIVersion {
		errs = append(errs, invalid(field.NewPath("apiVersion"), c.APIVersion, "write "+APIVersion))
	}
	if c.Kind != Kind {
		errs = append(errs, invalid(field.NewPath("kind"), c.Kind, "write "+Kind))
	}
	errs = append(errs, validateLeaderElection(c.LeaderElection, field.NewPath("leaderElection"))...)
	errs = append(errs, address(c.Health.BindAddress, field.NewPath("health", "bindAddress"))...)
	errs = append(errs, address(c.Metrics.BindAddress, field.NewPath("metrics", "bindAddress"))...)
	errs = append(errs, oneOf(c.Metrics.Authentication, field.NewPath("metrics", "authentication"), Enabled, Disabled)...)
	errs = append(errs, address(c.Pprof.BindAddress, field.NewPath("pprof", "bindAddress"))...)
	errs = append(errs, loopback(c.Pprof.BindAddress, field.NewPath("pprof", "bindAddress"))...)
	errs = append(errs, oneOf(c.Logging.Format, field.NewPath("logging", "format"), LogJSON, LogConsole)...)
	errs = append(errs, oneOf(c.Logging.Level, field.NewPath("logging", "level"), LogError, LogInfo, LogDebug, LogTrace)...)
	errs = append(errs, between(c.Client.QPS, 1, 100_000, field.NewPath("client", "qps"))...)
	errs = append(errs, between(c.Client.Burst, 1, 100_000, field.NewPath("client", "burst"))...)
	if c.Client.Burst < c.Client.QPS {
		errs = append(errs, invalid(field.NewPath("client", "burst"), c.Client.Burst, fmt.Sprintf("write at least client.qps, %d", c.Client.QPS)))
	}
	errs = append(errs, validateMetricsServer(c.Usage.MetricsServer, field.NewPath("usage", "metricsServer"))...)
	errs = append(errs, between(c.Emergency.MaxConcurrentReconciles, 1, 1024, field.NewPath("emergency", "maxConcurrentReconciles"))...)
	errs = append(errs, between(c.ScaleDown.WindowSeconds, 1, 7*24*3600, field.NewPath("scaleDown", "windowSeconds"))...)
	errs = append(errs, between(c.ScaleDown.MaxPercent, 0, 100, field.NewPath("scaleDown", "maxPercent"))...)
	errs = append(errs, between(c.ScaleDown.Minimum, 0, 100_000, field.NewPath("scaleDown", "minimum"))...)
	errs = append(errs, between(c.ScaleDown.MaxBlindPercent, 0, 100, field.NewPath("scaleDown", "maxBlindPercent"))...)
	errs = append(errs, between(c.ScaleDown.MaxAgreePercent, 0, 100, field.NewPath("scaleDown", "maxAgreePercent"))...)
	errs = append(errs, between(c.Records.KeepPerComponent, 1, 1000, field.NewPath("records", "keepPerComponent"))...)
	errs = append(errs, between(c.Records.MaxAgeSeconds, 3600, 10*366*24*3600, field.NewPath("records", "maxAgeSeconds"))...)
	errs = append(errs, validateProfiles(c.Profiles, field.NewPath("profiles"))...)
	errs = append(errs, validateSignals(c, field.NewPath("signals"))...)
	return errs
}

func validateLeaderElection(l LeaderElection, at *field.Path) field.ErrorList {
	errs := oneOf(l.State, at.Child("state"), Enabled, Disabled)
	if l.Namespace != "" {
		for _, message := range validation.IsDNS1123Label(l.Namespace) {
			errs = append(errs, invalid(at.Child("namespace"), l.Namespace, "write the name of a namespace: "+message))
		}
	}
	for _, message := range validation.IsDNS1123Subdomain(l.Name) {
		errs = append(errs, invalid(at.Child("name"), l.Name, "write the name of a Lease, such as metapilot: "+message))
	}
	errs = append(errs, between(l.LeaseSeconds, 3, 600, at.Child("leaseSeconds"))...)
	errs = append(errs, between(l.RenewSeconds, 2, 600, at.Child("renewSeconds"))...)
	errs = append(errs, between(l.RetrySeconds, 1, 600, at.Child("retrySeconds"))...)
	if l.RenewSeconds >= l.LeaseSeconds {
		errs = append(errs, invalid(at.Child("renewSeconds"), l.RenewSeconds, fmt.Sprintf("write less than leaderElection.leaseSeconds, %d", l.LeaseSeconds)))
	}
	// client-go's leader elector asks for more than 1.2 times the retry period (leaderelection.JitterFactor).
	if 5*int64(l.RenewSeconds) <= 6*int64(l.RetrySeconds) {
		errs = append(errs, invalid(at.Child("retrySeconds"), l.RetrySeconds, fmt.Sprintf("write less than leaderElection.renewSeconds / 1.2: renewSeconds is %d", l.RenewSeconds)))
	}
	return errs
}

func validateMetricsServer(m MetricsServer, at *field.Path) field.ErrorList {
	errs := oneOf(m.State, at.Child("state"), Enabled, Disabled)
	errs = append(errs, between(m.IntervalSeconds, 1, 600, at.Child("intervalSeconds"))...)
	errs = append(errs, between(m.TimeoutSeconds, 1, 600, at.Child("timeoutSeconds"))...)
	errs = append(errs, between(m.PeakWindowSeconds, 60, 14*24*3600, at.Child("peakWindowSeconds"))...)
	if m.TimeoutSeconds > m.IntervalSeconds {
		errs = append(errs, invalid(at.Child("timeoutSeconds"), m.TimeoutSeconds, fmt.Sprintf("write at most usage.metricsServer.intervalSeconds, %d", m.IntervalSeconds)))
	}
	return errs
}

func validateProfiles(p Profiles, at *field.Path) field.ErrorList {
	errs := oneOf(p.State, at.Child("state"), Enabled, Disabled)
	errs = append(errs, oneOf(p.Source, at.Child("source"), SourceMetricsServer, SourcePrometheus)...)
	errs = append(errs, between(p.IntervalSeconds, 1, 3600, at.Child("intervalSeconds"))...)
	errs = append(errs, between(p.TimeoutSeconds, 1, 3600, at.Child("timeoutSeconds"))...)
	if p.TimeoutSeconds > p.IntervalSeconds {
		errs = append(errs, invalid(at.Child("timeoutSeconds"), p.TimeoutSeconds, fmt.Sprintf("write at most profiles.intervalSeconds, %d", p.IntervalSeconds)))
	}
	errs = append(errs, between(p.HistorySeconds, 0, 28*24*3600, at.Child("historySeconds"))...)
	errs = append(errs, between(p.CheckpointSeconds, 60, 24*3600, at.Child("checkpointSeconds"))...)
	errs = append(errs, between(p.StaleSeconds, 1, 24*3600, at.Child("staleSeconds"))...)
	errs = append(errs, between(p.TolerancePercent, 0, 50, at.Child("tolerancePercent"))...)
	errs = append(errs, between(p.WritesPerSecond, 1, 10_000, at.Child("writesPerSecond"))...)
	errs = append(errs, between(p.MaxConcurrentReconciles, 1, 1024, at.Child("maxConcurrentReconciles"))...)
	seen := map[string]bool{}
	for i, a := range p.Algorithms {
		errs = append(errs, oneOf(a.Type, at.Child("algorithms").Index(i).Child("type"), "Auto", "VPA", "Percentile", "Peak", "MovingWindow", "Seasonal")...)
		if seen[a.Component] {
			errs = append(errs, invalid(at.Child("algorithms").Index(i).Child("component"), a.Component, "write each component once"))
		}
		seen[a.Component] = true
	}
	return append(errs, validatePrometheus(p, at.Child("prometheus"))...)
}

// validatePrometheus checks what can be checked here; the source itself says what else is wrong when it is made.
func validatePrometheus(p Profiles, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if p.Source == SourcePrometheus && p.Prometheus.Address == "" {
		errs = append(errs, field.Required(at.Child("address"), `profiles.source is Prometheus: write its URL, such as "https://prometheus.monitoring:9090"`))
	}
	errs = append(errs, between(p.Prometheus.TimeoutSeconds, 1, 600, at.Child("timeoutSeconds"))...)
	errs = append(errs, between(p.Prometheus.QueriesPerMinute, 6, 6000, at.Child("queriesPerMinute"))...)
	errs = append(errs, between(p.Prometheus.WindowSeconds, 5, 3600, at.Child("windowSeconds"))...)
	errs = append(errs, between(p.Prometheus.StepSeconds, 5, 3600, at.Child("stepSeconds"))...)
	return errs
}

func validateSignals(c *Configuration, at *field.Path) field.ErrorList {
	s := c.Signals
	errs := oneOf(s.State, at.Child("state"), Auto, Enabled, Disabled)
	if s.State == Enabled && c.SignalsServer().Address == "" {
		errs = append(errs, field.Required(at.Child("prometheus", "address"), `signals.state is Enabled: write its URL, such as "https://prometheus.monitoring:9090", here or in profiles.prometheus`))
	}
	errs = append(errs, between(s.IntervalSeconds, 1, 600, at.Child("intervalSeconds"))...)
	errs = append(errs, between(s.TimeoutSeconds, 1, 600, at.Child("timeoutSeconds"))...)
	if s.TimeoutSeconds > s.IntervalSeconds {
		errs = append(errs, invalid(at.Child("timeoutSeconds"), s.TimeoutSeconds, fmt.Sprintf("write at most signals.intervalSeconds, %d", s.IntervalSeconds)))
	}
	errs = append(errs, between(s.WindowSeconds, 5, 3600, at.Child("windowSeconds"))...)
	seen := map[string]bool{}
	for i, q := range s.Queries {
		at := at.Child("queries").Index(i)
		errs = append(errs, oneOf(q.Signal, at.Child("signal"), signalNames...)...)
		if q.Query == "" {
			errs = append(errs, field.Required(at.Child("query"), "write PromQL, or leave the signal out to ask Metapilot's own query"))
		}
		if seen[q.Signal] {
			errs = append(errs, invalid(at.Child("signal"), q.Signal, "write each signal once"))
		}
		seen[q.Signal] = true
	}
	return errs
}

// signalNames are those of scalers/signals, which this package does not import; a test there compares them.
var signalNames = []string{
	"Rejections", "Seats", "TooManyRequests", "ClientThrottling", "MemoryPressure", "Nodes", "Pods", "Objects", "LargestResource",
}

func invalid(at *field.Path, value any, message string) *field.Error {
	return field.Invalid(at, value, message)
}

func oneOf[T ~string](value T, at *field.Path, choices ...T) field.ErrorList {
	texts := make([]string, len(choices))
	for i, choice := range choices {
		if value == choice {
			return nil
		}
		texts[i] = string(choice)
	}
	return field.ErrorList{invalid(at, string(value), "write "+strings.Join(texts, " or "))}
}

func between(value, least, most int32, at *field.Path) field.ErrorList {
	if value >= least && value <= most {
		return nil
	}
	return field.ErrorList{invalid(at, value, fmt.Sprintf("write a number from %d to %d", least, most))}
}

// address accepts "" and what net.Listen accepts as host and numeric port.
func address(value string, at *field.Path) field.ErrorList {
	if value == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || strings.ContainsAny(host, " /") {
		return field.ErrorList{invalid(at, value, `write host:port or :port, such as ":8443" or "127.0.0.1:8443", or "" to serve none`)}
	}
	return nil
}

// loopback accepts "" and addresses of the host itself.
func loopback(value string, at *field.Path) field.ErrorList {
	host, _, err := net.SplitHostPort(value)
	if err != nil || host == "localhost" || net.ParseIP(host).IsLoopback() {
		return nil
	}
	return field.ErrorList{invalid(at, value, `anybody who reaches it could read the manager's memory: write a loopback address, such as "127.0.0.1:6060"`)}
}
