package main

import (
	"context"
	"fmt"
	"time"

	ctrlmanager "sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	configv1alpha1 "github.com/metapilot/metapilot/apis/config/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/manager"
	"github.com/metapilot/metapilot/profiles/recommender"
	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/profiles/sources/prometheus"
	"github.com/metapilot/metapilot/profiles/workloads"
	"github.com/metapilot/metapilot/scalers/usage"
)

func profileWorkloads(_ context.Context, mgr ctrlmanager.Manager, d manager.Dependencies) error {
	if d.Config.Profiles.State == configv1alpha1.Disabled {
		return nil
	}
	r := &workloads.Reconciler{Client: mgr.GetClient(), Fleet: d.Fleet, Clock: d.Clock}
	return r.SetupWithManager(mgr, int(d.Config.Profiles.MaxConcurrentReconciles))
}

func profileRecommender(ctx context.Context, mgr ctrlmanager.Manager, d manager.Dependencies) error {
	c := d.Config.Profiles
	if c.State == configv1alpha1.Disabled {
		return nil
	}
	metered, err := profileSource(mgr, d)
	if err != nil {
		return err
	}
	r := &recommender.Recommender{
		Client:             mgr.GetClient(),
		Live:               mgr.GetAPIReader(),
		Source:             metered,
		Fleet:              d.Fleet,
		Managed:            d.Registry.Managed,
		Tenants:            d.Registry.Count,
		Clock:              d.Clock,
		Log:                mgr.GetLogger().WithName(recommender.Name),
		Metrics:            ctrlmetrics.Registry,
		HistorySpan:        inSeconds(c.HistorySeconds),
		Interval:           inSeconds(c.IntervalSeconds),
		Timeout:            inSeconds(c.TimeoutSeconds),
		CheckpointInterval: inSeconds(c.CheckpointSeconds),
		StaleAfter:         inSeconds(c.StaleSeconds),
		TolerancePercent:   c.TolerancePercent,
		WritesPerSecond:    int(c.WritesPerSecond),
		Defaults:           recommender.Defaults{},
	}
	if c.HistorySeconds > 0 {
		r.History = metered.History()
	}
	for _, a := range c.Algorithms {
		r.Defaults[a.Component] = v1alpha1.Algorithm{Type: v1alpha1.AlgorithmType(a.Type)}
	}
	return r.SetupWithManager(ctx, mgr)
}

// profileSource makes the source that the configuration names.
func profileSource(mgr ctrlmanager.Manager, d manager.Dependencies) (*sources.Metered, error) {
	metrics, err := sources.NewMetrics(ctrlmetrics.Registry)
	if err != nil {
		return nil, err
	}
	var source sources.Source
	if d.Config.Profiles.Source == configv1alpha1.SourcePrometheus {
		if source, err = prometheus.New(prometheusSettings(d.Config.Profiles.Prometheus), d.Clock); err != nil {
			return nil, fmt.Errorf("profiles.prometheus: %w", err)
		}
	} else {
		read, err := usage.MetricsServer(mgr.GetConfig(), mgr.GetHTTPClient())
		if err != nil {
			return nil, err
		}
		source = sources.MetricsServer(read, d.Clock)
	}
	return sources.NewMetered(source, metrics, d.Clock, mgr.GetLogger().WithName(recommender.Name)), nil
}

func prometheusSettings(c configv1alpha1.Prometheus) prometheus.Settings {
	s := manager.PrometheusSettings(c.PrometheusServer)
	s.Timeout = inSeconds(c.TimeoutSeconds)
	s.QueriesPerMinute = int(c.QueriesPerMinute)
	s.Window = inSeconds(c.WindowSeconds)
	s.Step = inSeconds(c.StepSeconds)
	s.WithoutPageCache = c.WithoutPageCache
	return s
}

func inSeconds(s int32) time.Duration { return time.Duration(s) * time.Second }
