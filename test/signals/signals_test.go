package signals_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/metapilot/metapilot/profiles/sources/prometheus"
	"github.com/metapilot/metapilot/scalers/signals"
	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/exporter"
)

const (
	apiserver = "kube-apiserver"
	kcm       = "kube-controller-manager"
	etcd      = "etcd"
)

var _ = Describe("Simulated components", Ordered, func() {
	var c *signals.Collector

	BeforeAll(func() { c = collect() })

	It("that idle are known to idle: zero is a measurement", func() {
		for component, names := range map[string][]signals.Name{
			apiserver: {signals.Rejections, signals.TooManyRequests, signals.ClientThrottling, signals.MemoryPressure},
			kcm:       {signals.ClientThrottling, signals.MemoryPressure}, etcd: {signals.MemoryPressure},
		} {
			for _, name := range names {
				Eventually(amount(c, tenant, component, name)).Should(BeZero(), "%s of %s", name, component)
			}
		}
		Eventually(amount(c, tenant, apiserver, signals.Seats)).Should(BeNumerically("~", 0.01, 0.001))
		v, _ := c.Lookup(tenant, apiserver, signals.Rejections)
		Expect(v.Pods).To(Equal(2))
		_, known := c.Lookup(tenant, etcd, signals.Rejections)
		Expect(known).To(BeFalse(), "an etcd rejects nothing, and does not say so: unknown")
	})

	DescribeTable("show what is set for one, and others do not",
		func(ctx SpecContext, component string, signal signals.Name, value, margin float64) {
			setting := exporter.Setting{Namespace: tenant, Component: component, Signal: signal, Amount: value}
			Expect(box.SetSignal(ctx, setting)).To(Succeed())
			DeferCleanup(func(ctx context.Context) { Expect(box.ClearSignal(ctx, setting)).To(Succeed()) })
			Eventually(amount(c, tenant, component, signal)).Should(BeNumerically("~", value, margin))
			if other, ok := c.Lookup("real-0001", component, signal); ok {
				Expect(other.Amount).NotTo(BeNumerically("~", value, margin))
			}
		},
		// The margin is for rates over few scrapes of a busy machine.
		Entry("rejections", apiserver, signals.Rejections, 40.0, 4.0),
		Entry("seats", apiserver, signals.Seats, 0.9, 0.001),
		Entry("429s", apiserver, signals.TooManyRequests, 70.0, 7.0),
		Entry("throttling", kcm, signals.ClientThrottling, 2.5, 0.25),
		Entry("pressure", etcd, signals.MemoryPressure, 0.4, 0.04),
		Entry("nodes", apiserver, signals.Nodes, 41.0, 0.0),
		Entry("pods", apiserver, signals.Pods, 1234.0, 0.0),
		Entry("objects", apiserver, signals.Objects, 54321.0, 0.0),
		Entry("largest", apiserver, signals.LargestResource, 9876.0, 0.0),
	)

	It("are narrowed by matchers", func() {
		narrow := collect(prometheus.Matcher{Label: "namespace", Op: prometheus.Equal, Value: tenant})
		for _, signal := range signals.Names() {
			Eventually(amount(narrow, tenant, apiserver, signal)).Should(BeNumerically(">=", 0), string(signal))
			_, known := narrow.Lookup("real-0001", apiserver, signal)
			Expect(known).To(BeFalse(), string(signal))
		}
	})
})

var _ = Describe("A real tenant", Ordered, func() {
	var (
		c    *signals.Collector
		real sandbox.RealTenant
	)

	BeforeAll(func() {
		c = collect()
		real = box.RealTenants()[0]
	})

	It("serves what it is asked, and is scraped under the names of its pods", func(ctx SpecContext) {
		for _, kubeconfig := range []string{real.Kubeconfig, real.UserKubeconfig} {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			Expect(err).NotTo(HaveOccurred())
			tenantClient, err := kubernetes.NewForConfig(config)
			Expect(err).NotTo(HaveOccurred())
			served, err := tenantClient.Discovery().ServerVersion()
			Expect(err).NotTo(HaveOccurred())
			Expect(served.GitVersion).To(HavePrefix("v1.37"))
		}
		pods, err := box.PodsOf(ctx, real.Name, apiserver)
		Expect(err).NotTo(HaveOccurred())
		Expect(pods).To(HaveLen(1))
		Expect(strings.Join(pods[0].Spec.Containers[0].Command, " ")).To(ContainSubstring("--max-requests-inflight=20"))
		for component, pod := range map[string]string{apiserver: pods[0].Name, etcd: "etcd-0"} {
			up := fmt.Sprintf(`up{namespace=%q,pod=%q,container=%q}`, real.Name, pod, component)
			Eventually(func() []point { return ask(ctx, up, 0) }).Should(HaveLen(1))
			Eventually(func() float64 { return ask(ctx, up, 0)[0].value }).Should(BeEquivalentTo(1))
		}
	})

	It("tells all signals under the names that Kubernetes 1.37 has", func() {
		for _, signal := range signals.Names() {
			if signal != signals.ClientThrottling { // the API server's own clients have no rate limiter
				Eventually(amount(c, real.Name, apiserver, signal)).Should(BeNumerically(">=", 0), string(signal))
			}
		}
		Expect(amount(c, real.Name, apiserver, signals.Rejections)()).To(BeZero())
		Expect(amount(c, real.Name, apiserver, signals.Nodes)()).To(BeZero())
		Expect(amount(c, real.Name, apiserver, signals.Objects)()).To(BeNumerically(">", 100), "roles, flow schemas and the like")
	})

	It("is seen in its first 429s by the next scrape", func(ctx SpecContext) {
		Eventually(amount(c, real.Name, apiserver, signals.Rejections)).Should(BeZero(), "and so a window of calm is known")
		before, err := amount(c, real.Name, apiserver, signals.Objects)()
		Expect(err).NotTo(HaveOccurred())
		reports := make(chan sandbox.StormReport, 1)
		go func() {
			defer GinkgoRecover()
			report, err := box.Storm(ctx, real.Name, sandbox.StormOptions{Duration: 15 * time.Second})
			Expect(err).NotTo(HaveOccurred())
			reports <- report
		}()
		for _, signal := range []signals.Name{signals.Rejections, signals.TooManyRequests} {
			Eventually(amount(c, real.Name, apiserver, signal)).Should(BeNumerically(">", 0), string(signal))
		}
		Eventually(amount(c, real.Name, apiserver, signals.Seats)).Should(BeNumerically(">", 0.5), "the level that rejects is full, as far as the clients get to ask")
		report := <-reports
		Expect(report.Rejected).To(BeNumerically(">", 0))
		Expect(report.Lists).To(BeNumerically(">", 0))
		AddReportEntry("storm", fmt.Sprintf("%d lists served, %d rejected, %d failed (%v)", report.Lists, report.Rejected, report.Failed, report.Failure))

		// The first scrape that began after the client had its first 429.
		first := float64(report.FirstRejected.UnixMilli()) / 1000
		scrapes := ask(ctx, fmt.Sprintf(`up{namespace=%q,container=%q}[2m]`, real.Name, apiserver), 0)
		var next float64
		for _, s := range scrapes {
			if s.at > first && (next == 0 || s.at < next) {
				next = s.at
			}
		}
		Expect(next).NotTo(BeZero())
		AddReportEntry("first 429 to the scrape that has it", time.Duration((next-first)*float64(time.Second)).String())
		row, _ := signals.Of(signals.Rejections)
		query, _, _ := strings.Cut(row.Query, "\nor label_replace(") // without the time
		query = strings.NewReplacer("$matchers", fmt.Sprintf("namespace=%q", real.Name), "$window", "4s", "$seconds", "4").Replace(query)
		seen := ask(ctx, query, next+0.001) // as of that scrape, and not of a later one
		Expect(seen).To(HaveLen(1))
		Expect(seen[0].value).To(BeNumerically(">", 0))
		Eventually(amount(c, real.Name, apiserver, signals.Objects)).Should(BeNumerically(">=", before+2000), "what the storm has made is counted")
		Eventually(amount(c, real.Name, apiserver, signals.Rejections)).Should(BeZero(), "after a window of calm")
	})

	It("may come later, and is scraped all the same", func(ctx SpecContext) {
		late, err := box.AddRealTenant(ctx, "late", "--max-requests-inflight=7")
		Expect(err).NotTo(HaveOccurred())
		Expect(box.RealTenants()).To(HaveLen(2))
		Eventually(amount(c, late.Name, apiserver, signals.Seats)).Should(BeNumerically(">=", 0))
		attached, err := sandbox.Attach(box.Dir(), nil)
		Expect(err).NotTo(HaveOccurred())
		Expect(attached.RealTenants()).To(Equal(box.RealTenants()))
		_, err = attached.AddRealTenant(ctx, "other")
		Expect(err).To(MatchError(ContainSubstring("use `sandbox up --real-tenants N`")))
		_, err = box.Storm(ctx, tenant, sandbox.StormOptions{})
		Expect(err).To(MatchError(tenant + " is no real tenant; there are: real-0001, late"))
		_, err = box.Storm(ctx, late.Name, sandbox.StormOptions{Concurrency: 5000})
		Expect(err).To(MatchError("a storm of 5000 clients: it must be 1 to 1000"))
	})
})
