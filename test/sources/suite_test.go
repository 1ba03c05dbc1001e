package sources_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/profiles/sources/prometheus"
	"github.com/metapilot/metapilot/scalers/usage"
	"github.com/metapilot/metapilot/test/sandbox"
)

const (
	scrape = time.Second
	window = 20 * time.Second
	pod    = "etcd-0" // of the exporter's rows
)

var (
	box    *sandbox.Sandbox
	client kubernetes.Interface
	export *exporter
)

func TestSources(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(90 * time.Second)
	SetDefaultEventuallyPollingInterval(500 * time.Millisecond)
	RunSpecs(t, "sources")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	export = newExporter()
	DeferCleanup(func() { export.server.Close() })
	var err error
	box, err = sandbox.Start(ctx, sandbox.Options{
		Controllers: true, Nodes: 1, Metrics: true, Prometheus: true, ScrapeInterval: scrape, Targets: []string{export.address()}, Progress: os.Stderr,
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(box.Stop()).To(Succeed()) })
	client, err = kubernetes.NewForConfig(box.RESTConfig())
	Expect(err).NotTo(HaveOccurred())
})

// metricsServer is the source that the sandbox's metrics-server is.
func metricsServer() sources.Source {
	GinkgoHelper()
	config := box.RESTConfig()
	httpClient, err := rest.HTTPClientFor(config)
	Expect(err).NotTo(HaveOccurred())
	read, err := usage.MetricsServer(config, httpClient)
	Expect(err).NotTo(HaveOccurred())
	return sources.MetricsServer(read, clock.RealClock{})
}

// prometheusWith is the source that the sandbox's Prometheus is. It asks for a namespace, or for all where that is "".
func prometheusWith(settings prometheus.Settings, namespace string) *prometheus.Source {
	GinkgoHelper()
	if settings.Address == "" {
		settings.Address = box.PrometheusURL()
	}
	settings.Window, settings.QueriesPerMinute = cmp.Or(settings.Window, window), 10_000
	if namespace != "" {
		settings.Matchers = append(settings.Matchers, prometheus.Matcher{Label: "namespace", Op: prometheus.Equal, Value: namespace})
	}
	s, err := prometheus.New(settings, clock.RealClock{})
	Expect(err).NotTo(HaveOccurred())
	return s
}

// used is what a source gives of a container: millicores, bytes; below zero where it is unknown.
type used struct{ cpu, memory float64 }

// read gives what a source gives, by "namespace/pod/container".
func read(ctx context.Context, s sources.Source) (map[string]used, sources.Report) {
	GinkgoHelper()
	fleet := map[string]used{}
	report, err := s.Read(ctx, func(x sources.Sample) {
		key := strings.Join([]string{x.Namespace, x.Replica, x.Container}, "/")
		u, ok := fleet[key]
		if !ok {
			u = used{-1, -1}
		}
		u.cpu, u.memory = max(u.cpu, x.CPU.Or(-1)), max(u.memory, x.Memory.Or(-1))
		fleet[key] = u
	})
	Expect(err).NotTo(HaveOccurred())
	return fleet, report
}

// counting passes requests on to Prometheus and counts them.
type counting struct {
	next  http.Handler
	count int
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.count++ // requests come one after the other
	c.next.ServeHTTP(w, r)
}

// about tells whether a value is another one within two percent.
func about(got, want float64) bool { return got >= want*0.98 && got <= want*1.02 }

func (u used) String() string { return fmt.Sprintf("%.2fm %.1fMi", u.cpu, u.memory/(1<<20)) }
