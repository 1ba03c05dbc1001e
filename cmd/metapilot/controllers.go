package main

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmanager "sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/metapilot/metapilot/controllers/actuate"
	"github.com/metapilot/metapilot/controllers/budget"
	"github.com/metapilot/metapilot/controllers/clusterscaler"
	"github.com/metapilot/metapilot/controllers/manager"
	"github.com/metapilot/metapilot/controllers/records"
	"github.com/metapilot/metapilot/profiles/recommender"
	"github.com/metapilot/metapilot/profiles/workloads"
)

// controllers is the table of what a manager runs.
func controllers() []manager.Controller {
	return []manager.Controller{
		// In the order in which they are set up; --controllers chooses by these names.
		{Name: clusterscaler.Name, Setup: clusterScaler},
		{Name: records.Name, Setup: sweepRecords},
		{Name: workloads.Name, Setup: profileWorkloads},
		{Name: recommender.Name, Setup: profileRecommender},
	}
}

func clusterScaler(_ context.Context, mgr ctrlmanager.Manager, d manager.Dependencies) error {
	live, err := client.New(mgr.GetConfig(), client.Options{HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return fmt.Errorf("making a client that reads from the API server: %w", err)
	}
	r := &clusterscaler.Reconciler{
		Client:      mgr.GetClient(),
		Live:        mgr.GetAPIReader(),
		Fleet:       d.Fleet,
		Usage:       d.Usage,
		Actuator:    &actuate.Actuator{Client: live, Clock: d.Clock},
		Events:      mgr.GetEventRecorder("metapilot"),
		Clock:       d.Clock,
		KeepRecords: int(d.Config.Records.KeepPerComponent),
		Budget: budget.New(budget.Settings{
			Window:          inSeconds(d.Config.ScaleDown.WindowSeconds),
			MaxPercent:      int(d.Config.ScaleDown.MaxPercent),
			Minimum:         int(d.Config.ScaleDown.Minimum),
			MaxBlindPercent: int(d.Config.ScaleDown.MaxBlindPercent),
			MaxAgreePercent: int(d.Config.ScaleDown.MaxAgreePercent),
		}),
	}
	return r.SetupWithManager(mgr, int(d.Config.Emergency.MaxConcurrentReconciles))
}

func sweepRecords(_ context.Context, mgr ctrlmanager.Manager, d manager.Dependencies) error {
	return mgr.Add(&records.Sweeper{
		Client: mgr.GetClient(),
		Live:   mgr.GetAPIReader(),
		Clock:  d.Clock,
		Log:    mgr.GetLogger().WithName(records.Name),
		MaxAge: inSeconds(d.Config.Records.MaxAgeSeconds),
	})
}
