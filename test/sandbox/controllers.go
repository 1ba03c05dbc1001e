package sandbox

import (
	"context"
	"fmt"
	"os"

	"github.com/metapilot/metapilot/test/sandbox/components"
)

// startControllerManager runs Kubernetes' controllers, with more workers and a higher rate than by default: a
// sandbox makes its tenants in bulk.
func (s *Sandbox) startControllerManager(ctx context.Context, programs map[string]string, creds *credentials) error {
	kubeconfig := s.files.path("certs", "controller-manager.kubeconfig")
	// In the masters group, since it acts for all its controllers with one identity here.
	if err := creds.writeKubeconfig(kubeconfig, s.config.Host, "system:kube-controller-manager", mastersGroup); err != nil {
		return err
	}
	probe, err := newGetter(creds)
	if err != nil {
		return err
	}
	return s.startServing(ctx, 1,
		func(ports []int) (*running, error) {
			return s.run(components.ControllerManager, ports[0], programs[components.ControllerManager],
				"--kubeconfig="+kubeconfig, "--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig,
				"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[0]),
				"--tls-cert-file="+creds.serverCert, "--tls-private-key-file="+creds.serverKey,
				"--root-ca-file="+creds.caFile, "--service-account-private-key-file="+creds.serviceAccountKey,
				"--leader-elect=false", "--kube-api-qps=1000", "--kube-api-burst=2000",
				"--concurrent-deployment-syncs=20", "--concurrent-replicaset-syncs=20", "--concurrent-statefulset-syncs=20",
				"--concurrent-namespace-syncs=20", "--concurrent-serviceaccount-token-syncs=20",
				"--concurrent-service-endpoint-syncs=10",
				// The API superseded by EndpointSlices: a write per pod that nobody reads.
				"--controllers=*,-endpoints-controller,-endpointslice-mirroring-controller",
			)
		},
		func(ctx context.Context, ports []int) error {
			return probe.ok(ctx, loopback("https", ports[0])+"/healthz")
		},
	)
}

// startScheduler runs the scheduler with its defaults but for the rate.
func (s *Sandbox) startScheduler(ctx context.Context, programs map[string]string, creds *credentials) error {
	kubeconfig := s.files.path("certs", "scheduler.kubeconfig")
	if err := creds.writeKubeconfig(kubeconfig, s.config.Host, "system:kube-scheduler"); err != nil {
		return err
	}
	config := s.files.path("scheduler.yaml")
	content := fmt.Sprintf(`apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {kubeconfig: %q, qps: 1000, burst: 2000}
leaderElection: {leaderElect: false}
`, kubeconfig)
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		return fmt.Errorf("writing the scheduler's configuration: %w", err)
	}
	probe, err := newGetter(creds)
	if err != nil {
		return err
	}
	return s.startServing(ctx, 1,
		func(ports []int) (*running, error) {
			return s.run(components.Scheduler, ports[0], programs[components.Scheduler],
				"--config="+config, "--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig,
				"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[0]),
				"--tls-cert-file="+creds.serverCert, "--tls-private-key-file="+creds.serverKey,
			)
		},
		func(ctx context.Context, ports []int) error {
			return probe.ok(ctx, loopback("https", ports[0])+"/healthz")
		},
	)
}
