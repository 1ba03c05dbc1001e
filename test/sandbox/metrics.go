package sandbox

import (
	"context"
	"encoding/base64"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/metapilot/metapilot/test/sandbox/components"
)

// metricsServerHost is the name under which the aggregator checks metrics-server's certificate.
const metricsServerHost = "metrics-server.kube-system.svc"

// startMetricsServer runs metrics-server and registers it with the aggregator. It is ready when the API answers; numbers
// come with its second scrape.
func (s *Sandbox) startMetricsServer(ctx context.Context, programs map[string]string, creds *credentials) error {
	kubeconfig := s.files.path("certs", "metrics-server.kubeconfig")
	if err := creds.writeKubeconfig(kubeconfig, s.config.Host, "sandbox-metrics-server", mastersGroup); err != nil {
		return err
	}
	probe, err := newGetter(creds)
	if err != nil {
		return err
	}
	var port int
	err = s.startServing(ctx, 1,
		func(ports []int) (*running, error) {
			port = ports[0]
			return s.run(components.MetricsServer, port, programs[components.MetricsServer],
				"--kubeconfig="+kubeconfig, "--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig,
				"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port),
				"--tls-cert-file="+creds.serverCert, "--tls-private-key-file="+creds.serverKey,
				"--kubelet-insecure-tls", "--kubelet-use-node-status-port", "--kubelet-preferred-address-types=InternalIP",
				"--kubelet-client-certificate="+creds.kubeletClientCert, "--kubelet-client-key="+creds.kubeletClKey,
				"--metric-resolution=10s", "--kubelet-request-timeout=5s", // the shortest; the first must exceed the second
			)
		},
		func(ctx context.Context, ports []int) error {
			return probe.ok(ctx, loopback("https", ports[0])+"/livez")
		},
	)
	if err != nil {
		return err
	}
	if err := s.registerMetricsServer(ctx, port, creds); err != nil {
		return err
	}
	return poll(ctx, readyTimeout, func(ctx context.Context) error {
		// Any answer of metrics-server itself will do.
		_, err := s.client.Discovery().RESTClient().Get().AbsPath("/apis/metrics.k8s.io/v1beta1").DoRaw(ctx)
		if err != nil {
			return fmt.Errorf("asking the metrics API: %w", err)
		}
		return nil
	})
}

// registerMetricsServer makes the APIService. metrics-server listens on the loopback, where no cluster IP leads; a Service of
// type ExternalName does.
func (s *Sandbox) registerMetricsServer(ctx context.Context, port int, creds *credentials) error {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "metrics-server", Namespace: metav1.NamespaceSystem},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "localhost"},
	}
	if _, err := s.client.CoreV1().Services(service.Namespace).Create(ctx, service, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("making metrics-server's service: %w", err)
	}
	apiService := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiregistration.k8s.io/v1",
		"kind":       "APIService",
		"metadata":   map[string]any{"name": "v1beta1.metrics.k8s.io"},
		"spec": map[string]any{
			"group": "metrics.k8s.io", "version": "v1beta1",
			"groupPriorityMinimum": int64(100), "versionPriority": int64(100),
			"service":  map[string]any{"name": service.Name, "namespace": service.Namespace, "port": int64(port)},
			"caBundle": base64.StdEncoding.EncodeToString(creds.ca.PEM()),
		},
	}}
	client, err := dynamic.NewForConfig(s.config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	resource := schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
	if _, err := client.Resource(resource).Create(ctx, apiService, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("registering the metrics API: %w", err)
	}
	return nil
}
