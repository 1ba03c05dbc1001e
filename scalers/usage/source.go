package usage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"k8s.io/client-go/rest"
	"k8s.io/metrics/pkg/apis/metrics/v1beta1"
	metricsclient "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"
)

// +kubebuilder:rbac:groups=metrics.k8s.io,resources=pods,verbs=list

// Source gives every reading of the fleet once. What it gave before an error counts.
type Source func(ctx context.Context, yield func(Reading)) error

// MetricsServer is the source metrics.k8s.io: one list of all pods. metrics-server neither pages nor watches.
func MetricsServer(config *rest.Config, client *http.Client) (Source, error) {
	// As JSON, which can be read as a stream.
	config = rest.CopyConfig(config)
	config.ContentType, config.AcceptContentTypes = "application/json", "application/json"
	metrics, err := metricsclient.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("making a client of %s: %w", v1beta1.SchemeGroupVersion, err)
	}
	return func(ctx context.Context, yield func(Reading)) (err error) {
		body, err := metrics.RESTClient().Get().Resource("pods").Stream(ctx)
		if err != nil {
			return fmt.Errorf("listing pod metrics: %w", err)
		}
		defer func() { err = errors.Join(err, body.Close()) }()
		if err := decode(body, yield); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, body) // so that the connection is used again
		return err
	}, nil
}
