package usage

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the collector. None is per tenant.
type metrics struct {
	samples    *prometheus.CounterVec
	rounds     *prometheus.HistogramVec
	newest     prometheus.Gauge
	containers prometheus.Gauge
}

// newMetrics registers the metrics. Managers in one process share them.
func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		samples: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "metapilot_usage_samples_total",
			Help: "Usage samples of containers in managed namespaces, by what became of them. Labeled by result.",
		}, []string{"result"}),
		rounds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "metapilot_usage_collection_seconds",
			Help:    "Time that one collection of the fleet's usage took. Labeled by outcome.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}, []string{"outcome"}),
		newest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "metapilot_usage_newest_sample_timestamp_seconds",
			Help: "Unix time at which the source measured the newest sample. Labeled by nothing.",
		}),
		containers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "metapilot_usage_containers",
			Help: "Containers whose usage is remembered. Labeled by nothing.",
		}),
	}
	err := errors.Join(
		Register(registry, &m.samples), Register(registry, &m.rounds), Register(registry, &m.newest), Register(registry, &m.containers),
	)
	if err != nil {
		return nil, fmt.Errorf("registering the metrics of usage: %w", err)
	}
	return m, nil
}

// Register registers a collector, or takes the one that another manager of this process has registered.
func Register[C prometheus.Collector](registry prometheus.Registerer, c *C) error {
	err := registry.Register(*c)
	var twice prometheus.AlreadyRegisteredError
	if errors.As(err, &twice) {
		if existing, ok := twice.ExistingCollector.(C); ok {
			*c = existing
			return nil
		}
	}
	return err
}
