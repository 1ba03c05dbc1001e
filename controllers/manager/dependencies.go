package manager

import (
	"context"
	"fmt"

	"k8s.io/utils/clock"
	ctrlmanager "sigs.k8s.io/controller-runtime/pkg/manager"

	configv1alpha1 "github.com/metapilot/metapilot/apis/config/v1alpha1"
	"github.com/metapilot/metapilot/controllers/fleet"
	"github.com/metapilot/metapilot/scalers/signals"
	"github.com/metapilot/metapilot/scalers/usage"
)

// Dependencies are what the rows of the table share.
type Dependencies struct {
	Config *configv1alpha1.Configuration
	Clock  clock.Clock
	// Fleet reads pods, workloads and nodes.
	Fleet *fleet.Fleet
	// Registry knows the managed namespaces and tells when one is no longer managed.
	Registry *fleet.Registry
	// Usage knows what containers use. With usage.metricsServer.state Disabled it knows nothing, and says so.
	Usage *usage.Collector
	// Signals knows what control planes go through. Where signals are off it knows nothing, and says so.
	Signals *signals.Collector
}

func newDependencies(ctx context.Context, mgr ctrlmanager.Manager, o Options, registry *fleet.Registry) (Dependencies, error) {
	f, synced, err := fleet.Setup(ctx, mgr, registry)
	if err != nil {
		return Dependencies{}, fmt.Errorf("setting up the caches: %w", err)
	}
	if err := addChecks(mgr, synced); err != nil {
		return Dependencies{}, fmt.Errorf("setting up the health checks: %w", err)
	}
	collector, err := newCollector(mgr, o, registry)
	if err != nil {
		return Dependencies{}, fmt.Errorf("setting up the collector of usage: %w", err)
	}
	s, err := newSignals(mgr, o, registry)
	if err != nil {
		return Dependencies{}, fmt.Errorf("setting up the collector of signals: %w", err)
	}
	return Dependencies{Config: o.Config, Clock: o.Clock, Fleet: f, Registry: registry, Usage: collector, Signals: s}, nil
}

func newCollector(mgr ctrlmanager.Manager, o Options, registry *fleet.Registry) (*usage.Collector, error) {
	source, err := usage.MetricsServer(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, err
	}
	from := o.Config.Usage.MetricsServer
	collector, err := usage.New(usage.Options{
		Source:     source,
		Interval:   *seconds(from.IntervalSeconds),
		Timeout:    *seconds(from.TimeoutSeconds),
		PeakWindow: *seconds(from.PeakWindowSeconds),
		Managed:    registry.Managed,
		Clock:      o.Clock,
		Log:        o.Log.WithName("usage"),
		Metrics:    o.Metrics,
	})
	if err != nil {
		return nil, err
	}
	registry.OnRelease(collector.Forget)
	if from.State == configv1alpha1.Enabled {
		return collector, mgr.Add(collector)
	}
	return collector, nil
}
