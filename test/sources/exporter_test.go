package sources_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// exporter serves what it was told to, under cAdvisor's names.
type exporter struct {
	server *httptest.Server

	mu      sync.Mutex
	begun   time.Time
	rows    []row
	fleet   int       // tenants of four containers with a constant use
	history []history // served once
}

// row is one container's usage at a time.
type row struct {
	namespace, pod, container string
	labels                    string // further ones: `,replica="a"`
	cpu                       func(at time.Time) string
	memory                    func(at time.Time) string
}

// history is a container's usage over a span, a point a minute: CPU in cores, memory in bytes, as functions of the time.
type history struct {
	namespace  string
	from, till time.Time
	cores      float64
	memory     func(at time.Time) float64
}

func newExporter() *exporter {
	e := &exporter{begun: time.Now()}
	e.server = httptest.NewServer(e)
	return e
}

func (e *exporter) address() string { return e.server.Listener.Addr().String() }

func (e *exporter) set(change func(*exporter)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(e)
}

// add serves a row from now on.
func (e *exporter) add(r row) { e.set(func(e *exporter) { e.rows = append(e.rows, r) }) }

func (e *exporter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	var cpu, memory []string
	for _, r := range e.rows {
		if r.cpu != nil {
			cpu = append(cpu, sample(cpuMetric, r.namespace, r.pod, r.container, r.labels, r.cpu(now)))
		}
		if r.memory != nil {
			memory = append(memory, sample(memoryMetric, r.namespace, r.pod, r.container, r.labels, r.memory(now)))
		}
	}
	for i := range e.fleet {
		for _, container := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
			namespace := fmt.Sprintf("fleet-%04d", i)
			cpu = append(cpu, sample(cpuMetric, namespace, container+"-0", container, "", fmt.Sprint(0.1*now.Sub(e.begun).Seconds())))
			memory = append(memory, sample(memoryMetric, namespace, container+"-0", container, "", "1e9"))
		}
	}
	for _, h := range e.history {
		for at := h.from; at.Before(h.till); at = at.Add(time.Minute) {
			stamp := fmt.Sprintf(" %d", at.UnixMilli())
			cpu = append(cpu, sample(cpuMetric, h.namespace, "etcd-0", "etcd", "", fmt.Sprint(h.cores*at.Sub(h.from).Seconds()))+stamp)
			memory = append(memory, sample(memoryMetric, h.namespace, "etcd-0", "etcd", "", fmt.Sprintf("%.0f", h.memory(at)))+stamp)
		}
	}
	e.history = nil
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = fmt.Fprintf(w, "# TYPE %s counter\n%s\n# TYPE %s gauge\n%s\n", cpuMetric, strings.Join(cpu, "\n"), memoryMetric, strings.Join(memory, "\n"))
}

const (
	cpuMetric    = "container_cpu_usage_seconds_total"
	memoryMetric = "container_memory_working_set_bytes"
)

func sample(metric, namespace, pod, container, labels, value string) string {
	return fmt.Sprintf("%s{namespace=%q,pod=%q,container=%q%s} %s", metric, namespace, pod, container, labels, value)
}

// cores is a counter of a constant use since a time.
func cores(n float64, since time.Time) func(time.Time) string {
	return func(at time.Time) string { return fmt.Sprint(n * at.Sub(since).Seconds()) }
}

// always is a constant value.
func always(value string) func(time.Time) string { return func(time.Time) string { return value } }
