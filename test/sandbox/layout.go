package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
)

// layout is where things are in a state folder.
type layout string

func (l layout) path(parts ...string) string {
	return filepath.Join(append([]string{string(l)}, parts...)...)
}

func (l layout) kubeconfig() string     { return l.path("kubeconfig") }
func (l layout) state() string          { return l.path("state.json") }
func (l layout) certs() string          { return l.path("certs") }
func (l layout) logs() string           { return l.path("logs") }
func (l layout) log(name string) string { return l.path("logs", name+".log") }
func (l layout) etcdData() string       { return l.path("etcd") }
func (l layout) prometheusData() string { return l.path("prometheus") }

// prometheusConfig is what Prometheus scrapes.
func (l layout) prometheusConfig() string { return l.path("prometheus.yaml") }

// tenant is the folder of a real tenant; "" is that of all.
func (l layout) tenant(name string) layout { return layout(l.path("tenants", name)) }

// create makes the folders. The data of an earlier sandbox in the same folder is thrown away: its certificates are void.
func (l layout) create() error {
	for _, old := range []string{l.etcdData(), l.prometheusData(), l.certs(), l.logs(), l.state(), l.kubeconfig(), string(l.tenant(""))} {
		if err := os.RemoveAll(old); err != nil {
			return fmt.Errorf("clearing the state folder: %w", err)
		}
	}
	for _, dir := range []string{string(l), l.certs(), l.logs(), l.etcdData()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making the state folder: %w", err)
		}
	}
	return nil
}

// SupervisorLog is where `sandbox up --detach` logs, given a state folder; beside the components' logs, which a start clears.
func SupervisorLog(dir string) string { return filepath.Join(dir, "supervisor.log") }
