package signals

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/metapilot/metapilot/scalers/usage"
)

// metrics of the collector. None is per tenant.
type metrics struct {
	values   *prometheus.GaugeVec
	unknown  *prometheus.CounterVec
	queries  *prometheus.HistogramVec
	warnings *prometheus.CounterVec
	newest   *prometheus.GaugeVec
}

// newMetrics registers the metrics. Managers in one process share them.
func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		values: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "metapilot_signals_values",
			Help: "Components or tenants in managed namespaces of which the signal was known in the last answer. Labeled by signal.",
		}, []string{"signal"}),
		unknown: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "metapilot_signals_unknown_total",
			Help: "Values of managed namespaces that an answer did not have any more, or had and were none. Labeled by signal and reason.",
		}, []string{"signal", "reason"}),
		queries: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "metapilot_signals_query_seconds",
			Help:    "Time that one query for the whole fleet took. Labeled by signal and outcome (ok, partial or error).",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}, []string{"signal", "outcome"}),
		warnings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "metapilot_signals_warnings_total",
			Help: "Warnings with which the source answered, such as that a part of it is missing. Labeled by signal.",
		}, []string{"signal"}),
		newest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "metapilot_signals_newest_value_timestamp_seconds",
			Help: "Unix time at which the source measured the newest value. Labeled by signal.",
		}, []string{"signal"}),
	}
	err := errors.Join(
		usage.Register(registry, &m.values), usage.Register(registry, &m.unknown), usage.Register(registry, &m.queries),
		usage.Register(registry, &m.warnings), usage.Register(registry, &m.newest),
	)
	if err != nil {
		return nil, fmt.Errorf("registering the metrics of signals: %w", err)
	}
	return m, nil
}
