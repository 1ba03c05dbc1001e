package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/metapilot/metapilot/test/sandbox/exporter"
	"github.com/metapilot/metapilot/test/sandbox/kubelet"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

// SetSignal makes a signal of a tenant's simulated components what the setting says, from the next scrape on, in place of what
// it was. Of a real tenant's kube-apiserver only the pressure on memory can be set.
func (s *Sandbox) SetSignal(ctx context.Context, setting exporter.Setting) error {
	if err := setting.Validate(); err != nil {
		return fmt.Errorf("setting a signal: %w", err)
	}
	return s.changeEntries(ctx, exporter.ConfigMap, func(data map[string]string) { data[setting.Key()] = setting.Text() })
}

// ClearSignal takes a setting back: the component idles again. One that was not set is no error; its amount means nothing.
func (s *Sandbox) ClearSignal(ctx context.Context, setting exporter.Setting) error {
	return s.changeEntries(ctx, exporter.ConfigMap, func(data map[string]string) { delete(data, setting.Key()) })
}

// Signals returns what is set, the narrower ones last.
func (s *Sandbox) Signals(ctx context.Context) ([]exporter.Setting, error) {
	object, err := s.client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, exporter.ConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the signals: %w", err)
	}
	return exporter.Read(object.Data), nil
}

// signalsOf serves what the simulated components of all tenants tell of themselves.
func (s *Sandbox) signalsOf(k *kubelet.Kubelet) http.Handler {
	e := exporter.New()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		settings, err := s.Signals(r.Context())
		var pods []*corev1.Pod
		if err == nil {
			pods, err = k.Pods()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write(e.Page(pods, settings, time.Now(), s.isReal)) // whoever asked is gone then
	})
}

// isReal tells whether a process runs for the component.
func (s *Sandbox) isReal(namespace, component string) bool {
	return component == tenant.APIServer && slices.ContainsFunc(s.RealTenants(), func(t RealTenant) bool { return t.Name == namespace })
}
