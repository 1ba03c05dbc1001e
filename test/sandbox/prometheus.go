package sandbox

import (
	"context"
	"fmt"
	"os"
	"slices"
	"syscall"

	"sigs.k8s.io/yaml"

	"github.com/metapilot/metapilot/test/sandbox/components"
	"github.com/metapilot/metapilot/test/sandbox/process"
)

// startPrometheus runs Prometheus on throw-away data. It is ready when it answers queries; series come with its first
// scrapes.
func (s *Sandbox) startPrometheus(ctx context.Context, programs map[string]string, creds *credentials) error {
	if err := s.writePrometheusConfig(); err != nil {
		return err
	}
	probe, err := newGetter(creds)
	if err != nil {
		return err
	}
	return s.startServing(ctx, 1,
		func(ports []int) (*running, error) {
			s.prometheus = loopback("http", ports[0])
			return s.run(components.Prometheus, ports[0], programs[components.Prometheus],
				"--config.file="+s.files.prometheusConfig(), "--storage.tsdb.path="+s.files.prometheusData(),
				fmt.Sprintf("--web.listen-address=127.0.0.1:%d", ports[0]), "--log.level=warn",
			)
		},
		func(ctx context.Context, ports []int) error {
			return probe.ok(ctx, loopback("http", ports[0])+"/-/ready")
		},
	)
}

// writePrometheusConfig writes what is scraped.
func (s *Sandbox) writePrometheusConfig() error {
	config, err := yaml.Marshal(s.prometheusConfig())
	if err != nil {
		return fmt.Errorf("encoding Prometheus' configuration: %w", err)
	}
	if err := os.WriteFile(s.files.prometheusConfig(), config, 0o600); err != nil {
		return fmt.Errorf("writing Prometheus' configuration: %w", err)
	}
	return nil
}

// reloadPrometheus has a Prometheus that runs read its configuration again.
func (s *Sandbox) reloadPrometheus() error {
	s.mu.Lock()
	i := slices.IndexFunc(s.processes, func(r *running) bool { return r.component == components.Prometheus })
	var pid int
	if i >= 0 {
		pid = s.processes[i].PID()
	}
	s.mu.Unlock()
	if i < 0 {
		return nil // it reads it when it starts
	}
	if err := s.writePrometheusConfig(); err != nil {
		return err
	}
	if err := process.IdentityOf(pid).Signal(syscall.SIGHUP); err != nil {
		return fmt.Errorf("reloading Prometheus: %w", err)
	}
	return nil
}

// prometheusConfig is one job for the nodes' containers, one for simulated components, two for each real tenant, and one for
// other targets.
func (s *Sandbox) prometheusConfig() map[string]any {
	interval := fmt.Sprintf("%dms", s.options.ScrapeInterval.Milliseconds())
	job := func(name, path string, targets ...string) map[string]any {
		return map[string]any{"job_name": name, "metrics_path": path, "static_configs": []any{map[string]any{"targets": targets}}}
	}
	var jobs []any
	if s.kubelet != nil {
		node := fmt.Sprintf("127.0.0.1:%d", s.kubelet.port)
		jobs = append(jobs, job("cadvisor", "/metrics/cadvisor", node), job("signals", signalsPath, node))
	}
	for _, t := range s.RealTenants() {
		jobs = append(jobs, t.scrapeJobs(s.files.tenant(t.Name))...)
	}
	if len(s.options.Targets) > 0 {
		jobs = append(jobs, job("targets", "/metrics", s.options.Targets...))
	}
	return map[string]any{
		"global":         map[string]string{"scrape_interval": interval, "scrape_timeout": interval},
		"scrape_configs": jobs,
		"storage":        map[string]any{"tsdb": map[string]string{"out_of_order_time_window": "30d"}}, // targets may tell the past
	}
}
