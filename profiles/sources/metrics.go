package sources

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/metapilot/metapilot/scalers/usage"
)

// Metrics of all sources. None is per tenant.
type Metrics struct {
	values   *prometheus.CounterVec
	unknown  *prometheus.CounterVec
	queries  *prometheus.CounterVec
	rounds   *prometheus.HistogramVec
	warnings *prometheus.CounterVec
	newest   *prometheus.GaugeVec
}

// NewMetrics registers the metrics. All sources of a process share them.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		values: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "metapilot_profile_source_values_total",
			Help: "Usage values of the whole fleet's containers that a source gave. Labeled by source and resource.",
		}, []string{"source", "resource"}),
		unknown: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "metapilot_profile_source_unknown_total",
			Help: "What a source did not know, or gave and was no usage. Labeled by source and reason.",
		}, []string{"source", "reason"}),
		queries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "metapilot_profile_source_queries_total",
			Help: "Requests that were sent to a source. Labeled by source.",
		}, []string{"source"}),
		rounds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "metapilot_profile_source_read_seconds",
			Help:    "Time that one reading of the whole fleet, or one chunk of its history, took. Labeled by source, kind (present or history) and outcome (ok, partial or error).",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 14),
		}, []string{"source", "kind", "outcome"}),
		warnings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "metapilot_profile_source_warnings_total",
			Help: "Warnings with which a source answered, such as that a part of it is missing. Labeled by source.",
		}, []string{"source"}),
		newest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "metapilot_profile_source_newest_sample_timestamp_seconds",
			Help: "Unix time at which the source measured the newest sample. Labeled by source.",
		}, []string{"source"}),
	}
	err := errors.Join(
		usage.Register(registry, &m.values), usage.Register(registry, &m.unknown), usage.Register(registry, &m.queries),
		usage.Register(registry, &m.rounds), usage.Register(registry, &m.warnings), usage.Register(registry, &m.newest),
	)
	if err != nil {
		return nil, fmt.Errorf("registering the metrics of sources: %w", err)
	}
	return m, nil
}

func (m *Metrics) count(source string, r Report) {
	m.values.WithLabelValues(source, "cpu").Add(float64(r.CPU))
	m.values.WithLabelValues(source, "memory").Add(float64(r.Memory))
	m.queries.WithLabelValues(source).Add(float64(r.Queries))
	m.warnings.WithLabelValues(source).Add(float64(len(r.Warnings)))
	for reason, n := range r.Unknown {
		m.unknown.WithLabelValues(source, string(reason)).Add(float64(n))
	}
}
