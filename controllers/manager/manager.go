package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrlmanager "sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	configv1alpha1 "github.com/metapilot/metapilot/apis/config/v1alpha1"
	"github.com/metapilot/metapilot/controllers/fleet"
)

// ShutdownTimeout is how long a stop waits for reconciles to finish. Less than the 30 seconds after which a kubelet kills.
const ShutdownTimeout = 25 * time.Second

// Controller is one row of the table of what runs.
type Controller struct {
	// Name is what logs, metrics and errors call it.
	Name string
	// Setup registers it with the manager. The context ends with the manager.
	Setup func(ctx context.Context, mgr ctrlmanager.Manager, d Dependencies) error
}

// Options are what Run needs.
type Options struct {
	// Config is a valid configuration.
	Config *configv1alpha1.Configuration
	// RESTConfig leads to the MetaCluster.
	RESTConfig *rest.Config
	// Log is the root of all loggers.
	Log logr.Logger
	// Clock tells the time; the real one when absent. Leader election and timeouts of requests always use the real one.
	Clock clock.Clock
	// Controllers are what runs.
	Controllers []Controller
	// Metrics is where metrics are registered; what /metrics serves when absent.
	Metrics prometheus.Registerer
}

// Run runs a manager until the context ends or something fails. It is in the nature of leader election that the process
// must end soon after Run has returned an error: another manager may act already.
func Run(ctx context.Context, o Options) error {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Metrics == nil {
		o.Metrics = ctrlmetrics.Registry
	}
	scheme, err := NewScheme()
	if err != nil {
		return err
	}
	registry := fleet.NewRegistry()
	mgr, err := ctrlmanager.New(restConfig(o), managerOptions(o, scheme, registry))
	switch {
	case meta.IsNoMatchError(err):
		return fmt.Errorf("the MetaCluster does not know Metapilot's kinds: install its CustomResourceDefinitions first: %w", err)
	case err != nil:
		return fmt.Errorf("making the manager: %w", err)
	}
	d, err := newDependencies(ctx, mgr, o, registry)
	if err != nil {
		return err
	}
	for _, c := range o.Controllers {
		if err := c.Setup(ctx, mgr, d); err != nil {
			return fmt.Errorf("setting up %s: %w", c.Name, err)
		}
	}
	o.Log.Info("starting", "controllers", names(o.Controllers), "managedNamespaces", registry.Count())
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("running the manager: %w", err)
	}
	o.Log.Info("stopped")
	return nil
}

func names(controllers []Controller) []string {
	out := make([]string, len(controllers))
	for i, c := range controllers {
		out[i] = c.Name
	}
	return out
}
