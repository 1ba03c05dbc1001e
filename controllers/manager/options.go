package manager

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	ctrlmanager "sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	configv1alpha1 "github.com/metapilot/metapilot/apis/config/v1alpha1"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/fleet"
)

// Leader election, in the namespace of the manager; the Lease's events go there too.
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;create;update,namespace=metapilot-system
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch,namespace=metapilot-system

// Who may read the metrics.
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// off is what controller-runtime calls an address that is not served.
const off = "0"

// NewScheme gives the kinds that Metapilot reads and writes, and no others.
func NewScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, coordinationv1.AddToScheme, eventsv1.AddToScheme, metav1.AddMetaToScheme, v1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("building the scheme: %w", err)
		}
	}
	return scheme, nil
}

func restConfig(o Options) *rest.Config {
	c := rest.CopyConfig(o.RESTConfig)
	c.QPS, c.Burst = float32(o.Config.Client.QPS), int(o.Config.Client.Burst)
	return c
}

func managerOptions(o Options, scheme *runtime.Scheme, registry *fleet.Registry) ctrlmanager.Options {
	leader, shutdown := o.Config.LeaderElection, ShutdownTimeout
	skipNameValidation := true // several managers may run in one process (tests)
	return ctrlmanager.Options{
		Scheme: scheme,
		Logger: o.Log,
		Cache:  fleet.Options(registry),
		Client: client.Options{Cache: &client.CacheOptions{
			// There are many and they are seldom read.
			DisableFor: []client.Object{&v1alpha1.ScalingRecord{}},
		}},
		LeaderElection:                leader.State == configv1alpha1.Enabled,
		LeaderElectionNamespace:       leader.Namespace,
		LeaderElectionID:              leader.Name,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 seconds(leader.LeaseSeconds),
		RenewDeadline:                 seconds(leader.RenewSeconds),
		RetryPeriod:                   seconds(leader.RetrySeconds),
		HealthProbeBindAddress:        addressOf(o.Config.Health.BindAddress),
		Metrics:                       metricsOptions(o.Config.Metrics),
		PprofBindAddress:              addressOf(o.Config.Pprof.BindAddress),
		GracefulShutdownTimeout:       &shutdown,
		Controller: config.Controller{
			SkipNameValidation:      &skipNameValidation,
			MaxConcurrentReconciles: int(o.Config.Emergency.MaxConcurrentReconciles),
			Logger:                  o.Log,
		},
	}
}

// metricsOptions serve metrics over TLS, to callers that the API server knows and allows, unless that is turned off.
func metricsOptions(m configv1alpha1.Metrics) metricsserver.Options {
	o := metricsserver.Options{
		BindAddress:   addressOf(m.BindAddress),
		SecureServing: true,
		CertDir:       m.TLS.CertDir,
	}
	if m.Authentication == configv1alpha1.Enabled {
		o.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	return o
}

func addressOf(bindAddress string) string {
	if bindAddress == "" {
		return off
	}
	return bindAddress
}

func seconds(s int32) *time.Duration {
	d := time.Duration(s) * time.Second
	return &d
}
