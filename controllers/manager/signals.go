package manager

import (
	"context"
	"errors"
	"fmt"

	ctrlmanager "sigs.k8s.io/controller-runtime/pkg/manager"

	configv1alpha1 "github.com/metapilot/metapilot/apis/config/v1alpha1"
	"github.com/metapilot/metapilot/controllers/fleet"
	"github.com/metapilot/metapilot/profiles/sources/prometheus"
	"github.com/metapilot/metapilot/scalers/signals"
)

// newSignals makes the collector of signals, which runs where signals are on.
func newSignals(mgr ctrlmanager.Manager, o Options, registry *fleet.Registry) (*signals.Collector, error) {
	c := o.Config.Signals
	options := signals.Options{
		Ask:      askNobody,
		Queries:  map[signals.Name]string{},
		Interval: *seconds(c.IntervalSeconds),
		Window:   *seconds(c.WindowSeconds),
		Managed:  registry.Managed,
		Clock:    o.Clock,
		Log:      o.Log.WithName("signals"),
		Metrics:  o.Metrics,
	}
	for _, q := range c.Queries {
		options.Queries[signals.Name(q.Signal)] = q.Query
	}
	if o.Config.SignalsOn() {
		settings := PrometheusSettings(o.Config.SignalsServer())
		settings.Timeout = *seconds(c.TimeoutSeconds)
		querier, err := prometheus.NewQuerier(settings, o.Clock)
		if err != nil {
			return nil, fmt.Errorf("signals.prometheus: %w", err)
		}
		options.Ask, options.Matchers = querier.Query, settings.Selector()
	}
	collector, err := signals.New(options)
	if err != nil {
		return nil, err
	}
	registry.OnRelease(collector.Forget)
	if o.Config.SignalsOn() {
		return collector, mgr.Add(collector)
	}
	return collector, nil
}

// askNobody stands for the server of a collector that does not run.
func askNobody(context.Context, string, func(prometheus.Row)) (prometheus.Answer, error) {
	return prometheus.Answer{}, errors.New("no prometheus is configured")
}

// PrometheusSettings gives the settings of a server that is configured.
func PrometheusSettings(c configv1alpha1.PrometheusServer) prometheus.Settings {
	s := prometheus.Settings{
		Address:         c.Address,
		BearerTokenFile: c.BearerTokenFile,
		BasicAuth:       prometheus.BasicAuth(c.BasicAuth),
		TLS:             prometheus.TLS(c.TLS),
	}
	for _, h := range c.Headers {
		s.Headers = append(s.Headers, prometheus.Header(h))
	}
	for _, m := range c.Matchers {
		s.Matchers = append(s.Matchers, prometheus.Matcher{Label: m.Label, Op: prometheus.Op(m.Op), Value: m.Value})
	}
	return s
}
