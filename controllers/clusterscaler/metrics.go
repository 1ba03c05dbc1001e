package clusterscaler

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/metapilot/metapilot/apis/decision"
)

// metrics are those of the reconciler. The gauges are counted from what each tenant's last reconcile found, so that they
// vanish with the tenant.
type metrics struct {
	plans    *prometheus.CounterVec
	reaction prometheus.Histogram

	mu      sync.Mutex
	tenants map[types.NamespacedName][]standing

	held      *prometheus.Desc
	atMaximum *prometheus.Desc
}

// standing is how a component stands.
type standing struct {
	component string
	gate      decision.Gate
	reason    decision.Reason
	held      bool
	atMaximum bool
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		plans: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "metapilot_plans_total",
			Help: "Plans made. Labeled by mode, verdict and reason.",
		}, []string{"mode", "verdict", "reason"}),
		reaction: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "metapilot_reaction_seconds",
			Help:    "Time from the sight of an OOM kill to the acceptance of the resize of every replica.",
			Buckets: []float64{.005, .01, .02, .03, .05, .075, .1, .15, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		tenants:   map[types.NamespacedName][]standing{},
		held:      prometheus.NewDesc("metapilot_components_held", "Components of which a wanted change is held. Labeled by gate and reason.", []string{"gate", "reason"}, nil),
		atMaximum: prometheus.NewDesc("metapilot_component_at_maximum", "1 for each component that is in trouble and may not grow. Labeled by namespace and component.", []string{"namespace", "component"}, nil),
	}
	for _, c := range []prometheus.Collector{m.plans, m.reaction, m} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Describe is for Prometheus.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.held
	out <- m.atMaximum
}

// Collect is for Prometheus.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	held := map[[2]string]int{}
	for key, components := range m.tenants {
		for _, s := range components {
			if s.held {
				held[[2]string{string(s.gate), string(s.reason)}]++
			}
			if s.atMaximum {
				out <- prometheus.MustNewConstMetric(m.atMaximum, prometheus.GaugeValue, 1, key.Namespace, s.component)
			}
		}
	}
	for labels, n := range held {
		out <- prometheus.MustNewConstMetric(m.held, prometheus.GaugeValue, float64(n), labels[0], labels[1])
	}
}

// report counts a tenant's plans and takes down how its components stand.
func (m *metrics) report(t *tenant) {
	var standings []standing
	for _, c := range t.components {
		verdict := c.plan.Verdict()
		m.plans.WithLabelValues(string(t.scaler.Spec.Mode), string(verdict), string(c.plan.Reason)).Inc()
		if verdict == decision.VerdictHeld || c.plan.AtMaximum {
			standings = append(standings, standing{component: c.spec.Name, gate: c.plan.Gate, reason: c.plan.Reason, held: verdict == decision.VerdictHeld, atMaximum: c.plan.AtMaximum})
		}
	}
	key := types.NamespacedName{Namespace: t.scaler.Namespace, Name: t.scaler.Name}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(standings) == 0 {
		delete(m.tenants, key)
		return
	}
	m.tenants[key] = standings
}

// forget drops a tenant that is gone.
func (m *metrics) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.tenants, key)
}

// reacted takes down one reaction.
func (m *metrics) reacted(d time.Duration) { m.reaction.Observe(d.Seconds()) }
