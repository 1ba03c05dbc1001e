package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Default gives the configuration of an empty file. It is the only place where defaults are set.
func Default() *Configuration {
	return &Configuration{
		TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: Kind},
		LeaderElection: LeaderElection{
			State: Enabled,
			Name:  "metapilot",
			// The three times are Kubernetes' own (component-base/config/v1alpha1.RecommendedDefaultLeaderElectionConfiguration).
			LeaseSeconds: 15,
			RenewSeconds: 10,
			RetrySeconds: 2,
		},
		Health:  Health{BindAddress: ":8081"},
		Metrics: Metrics{BindAddress: ":8443", Authentication: Enabled},
		Logging: Logging{Format: LogJSON, Level: LogInfo},
		Client:  Client{QPS: 200, Burst: 400},
		Usage: Usage{MetricsServer: MetricsServer{
			State:             Enabled,
			IntervalSeconds:   15,
			TimeoutSeconds:    10,
			PeakWindowSeconds: 3600,
		}},
		Emergency: Emergency{MaxConcurrentReconciles: 16},
		ScaleDown: ScaleDown{WindowSeconds: 3600, MaxPercent: 5, Minimum: 1, MaxBlindPercent: 20, MaxAgreePercent: 50},
		Records:   Records{KeepPerComponent: 20, MaxAgeSeconds: 30 * 24 * 3600},
		Profiles: Profiles{
			State:                   Enabled,
			Source:                  SourceMetricsServer,
			IntervalSeconds:         60,
			TimeoutSeconds:          30,
			HistorySeconds:          14 * 24 * 3600,
			CheckpointSeconds:       3600,
			StaleSeconds:            600,
			TolerancePercent:        5,
			WritesPerSecond:         20,
			MaxConcurrentReconciles: 4,
			Prometheus:              Prometheus{TimeoutSeconds: 30, QueriesPerMinute: 30, WindowSeconds: 300, StepSeconds: 300, WithoutPageCache: "etcd"},
		},
		Signals: Signals{
			State: Auto,
			// As often as kube-prometheus scrapes; the window has four scrapes.
			IntervalSeconds: 30,
			TimeoutSeconds:  10,
			WindowSeconds:   120,
		},
	}
}
