package recommender

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/metapilot/metapilot/scalers/usage"
)

// Outcomes of metrics.
const (
	outcomeOK    = "ok"
	outcomeError = "error"
	// resultNobodys: a value of a pod that belongs to no workload, or is not known yet.
	resultNobodys = "nobodys"
)

type metrics struct {
	samples  *prometheus.CounterVec
	writes   *prometheus.CounterVec
	restored *prometheus.CounterVec
	profiles prometheus.Gauge
	history  prometheus.Gauge
	unread   prometheus.Gauge
	stale    prometheus.Gauge
	waiting  prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		samples: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "metapilot_profile_samples_total", Help: "Measured values, by what became of them. Labeled by resource and result.",
		}, []string{"resource", "result"}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "metapilot_profile_writes_total", Help: "Writes to the status of WorkloadProfiles. Labeled by part (status or checkpoint) and outcome.",
		}, []string{"part", "outcome"}),
		restored: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "metapilot_profile_checkpoints_restored_total", Help: "Containers' checkpoints read. Labeled by outcome.",
		}, []string{"outcome"}),
		history: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "metapilot_profile_history_percent", Help: "How much of the history was read that is read before anything is measured; 100 when that is over.",
		}),
		unread: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "metapilot_profile_history_unread", Help: "WorkloadProfiles that came after the history was read, and whose history is still to be read.",
		}),
		profiles: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "metapilot_profiles", Help: "WorkloadProfiles in memory.",
		}),
		stale: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "metapilot_profiles_stale", Help: "WorkloadProfiles without fresh usage.",
		}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "metapilot_profile_writes_waiting", Help: "Writes that wait for their turn after the last round.",
		}),
	}
	err := errors.Join(usage.Register(registry, &m.history), usage.Register(registry, &m.unread), usage.Register(registry, &m.profiles), usage.Register(registry, &m.stale),
		usage.Register(registry, &m.waiting), usage.Register(registry, &m.samples), usage.Register(registry, &m.writes), usage.Register(registry, &m.restored))
	if err != nil {
		return nil, err
	}
	return m, nil
}
