package sources_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/profiles/sources/prometheus"
	"github.com/metapilot/metapilot/size"
	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/kubelet"
	"github.com/metapilot/metapilot/test/sandbox/load"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

var _ = Describe("A load on the sandbox's nodes", Ordered, func() {
	var namespace string

	BeforeAll(func(ctx SpecContext) {
		names, err := box.AddTenants(ctx, sandbox.TenantOptions{Count: 1, StartIndex: 1, Layout: "small"})
		Expect(err).NotTo(HaveOccurred())
		namespace = names[0]
		Expect(box.WaitTenantsReady(ctx, namespace)).To(Succeed())
		for workload, l := range map[string]load.Usage{
			tenant.Etcd: {MilliCPU: 120, MemoryBytes: 200 << 20}, tenant.APIServer: {MilliCPU: 333, MemoryBytes: 300 << 20},
			tenant.ControllerManager: {MilliCPU: 7, MemoryBytes: 61 << 20}, tenant.Scheduler: {MilliCPU: 3, MemoryBytes: 33 << 20},
		} {
			Expect(box.SetLoad(ctx, kubelet.Target{Namespace: namespace, Workload: workload}, load.Load{Shape: load.Constant, To: l})).To(Succeed())
		}
	})

	It("is the same in metrics-server and in Prometheus, within two percent", func(ctx SpecContext) {
		pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		Expect(err).NotTo(HaveOccurred())
		containers := 0
		for _, p := range pods.Items {
			containers += len(p.Spec.Containers)
		}
		var worst float64
		Eventually(func(g Gomega) {
			measured, _ := read(ctx, metricsServer())
			scraped, _ := read(ctx, prometheusWith(prometheus.Settings{WithoutPageCache: "-"}, namespace))
			// Neither the pods' own cgroups nor their sandboxes are counted.
			g.Expect(scraped).To(HaveLen(containers))
			worst = 0
			for key, p := range scraped {
				m, ok := measured[key]
				g.Expect(ok).To(BeTrue(), "metrics-server does not know %s", key)
				g.Expect(about(p.cpu, m.cpu) && about(p.memory, m.memory)).To(BeTrue(), "%s: prometheus %s, metrics-server %s", key, p, m)
				worst = max(worst, difference(p.cpu, m.cpu), difference(p.memory, m.memory))
			}
			// And it is the load that was set, not the idle use before.
			g.Expect(about(scraped[namespace+"/etcd-0/etcd"].cpu, 120)).To(BeTrue())
			g.Expect(about(scraped[namespace+"/etcd-0/etcd"].memory, 200<<20)).To(BeTrue())
		}).Should(Succeed())
		AddReportEntry("largest difference", fmt.Sprintf("%.2f%% of %d containers", 100*worst, containers))
	})

	It("gives the same profile from both, within two percent", func(ctx SpecContext) {
		from := func(s sources.Source) profiles.Recommendation {
			state := profiles.New(profiles.Auto{Kind: profiles.KindEtcd})
			var last time.Time
			for range 5 { // as many measurements, each newer than the one before
				Eventually(func(g Gomega) {
					var newest time.Time
					_, err := s.Read(ctx, func(x sources.Sample) {
						if x.Namespace != namespace || x.Container != tenant.Etcd || !x.At.After(last) {
							return
						}
						state.Add(time.Now(), x.Sample)
						newest = x.At
					})
					g.Expect(err).NotTo(HaveOccurred())
					g.Expect(newest).NotTo(BeZero())
					last = newest
				}).Should(Succeed())
			}
			return state.Recommend(time.Now(), profiles.Auto{Kind: profiles.KindEtcd}, profiles.Bounds{})
		}
		measured, scraped := from(metricsServer()), from(prometheusWith(prometheus.Settings{WithoutPageCache: "-"}, namespace))
		for what, pair := range map[string][2]size.Amounts{
			"peak": {measured.Peak, scraped.Peak}, "target": {measured.Target, scraped.Target}, "lower": {measured.Lower, scraped.Lower}, "upper": {measured.Upper, scraped.Upper},
		} {
			Expect(about(float64(pair[0].CPU.Or(0)), float64(pair[1].CPU.Or(-1)))).To(BeTrue(), "%s of CPU: %s and %s", what, pair[0].CPU, pair[1].CPU)
			Expect(about(float64(pair[0].Memory.Or(0)), float64(pair[1].Memory.Or(-1)))).To(BeTrue(), "%s of memory: %s and %s", what, pair[0].Memory, pair[1].Memory)
		}
		Expect(about(float64(measured.Peak.Memory.Or(0)), 200<<20)).To(BeTrue(), "a known load has its known peak: %s", measured.Peak.Memory)
	})

	It("counts etcd's page cache only where that is wanted", func(ctx SpecContext) {
		patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:"150Mi"}}}`, kubelet.UsagePageCacheAnnotation)
		for _, name := range []string{"etcd-0", firstPod(ctx, namespace, tenant.APIServer)} {
			_, err := client.CoreV1().Pods(namespace).Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
			Expect(err).NotTo(HaveOccurred())
		}
		apiserver := namespace + "/" + firstPod(ctx, namespace, tenant.APIServer) + "/" + tenant.APIServer
		Eventually(func(g Gomega) {
			fleet, _ := read(ctx, prometheusWith(prometheus.Settings{}, namespace))
			g.Expect(fleet[namespace+"/etcd-0/etcd"].memory).To(BeEquivalentTo(50 << 20))
			g.Expect(fleet[apiserver].memory).To(BeEquivalentTo(300 << 20))
		}).Should(Succeed())
		fleet, _ := read(ctx, prometheusWith(prometheus.Settings{WithoutPageCache: "-"}, namespace))
		Expect(fleet[namespace+"/etcd-0/etcd"].memory).To(BeEquivalentTo(200 << 20))
	})
})

var _ = Describe("Prometheus", func() {
	// one is what Prometheus says of a container of the exporter.
	one := func(ctx context.Context, namespace string) (used, sources.Report) {
		GinkgoHelper()
		fleet, report := read(ctx, prometheusWith(prometheus.Settings{}, namespace))
		if u, ok := fleet[namespace+"/"+pod+"/etcd"]; ok {
			return u, report
		}
		return used{-1, -1}, report
	}

	It("does not say too little of a container that is younger than the window", func(ctx SpecContext) {
		export.add(row{"young", pod, "etcd", "", cores(0.5, time.Now()), always("1e9")})
		unknown := false
		Eventually(func(g Gomega) {
			u, _ := one(ctx, "young")
			switch {
			case u.cpu < 0 && u.memory > 0:
				unknown = true
			case u.cpu >= 0:
				// What is missing may be a fifth of the window.
				Expect(u.cpu).To(BeNumerically(">", 500*0.79))
			}
			g.Expect(about(u.cpu, 500)).To(BeTrue(), "%s", u)
		}).Should(Succeed())
		Expect(unknown).To(BeTrue(), "its CPU was never unknown, though its memory was known")
	})

	It("does not know the CPU of a counter that went back, until two windows are past it", func(ctx SpecContext) {
		begun := time.Now()
		at := begun.Add(15 * time.Second)
		export.add(row{"stumble", pod, "etcd", "", func(now time.Time) string {
			value := 1000 + 0.5*now.Sub(begun).Seconds()
			if now.After(at) && now.Before(at.Add(2*time.Second)) {
				value -= 900 // back, and forth again: the rate would be 45 cores
			}
			return fmt.Sprint(value)
		}, always("1e9")})
		seen := false
		Eventually(func(g Gomega) {
			u, report := one(ctx, "stumble")
			seen = seen || report.Unknown[sources.ReasonCounterReset] == 1
			if u.cpu >= 0 {
				Expect(u.cpu).To(BeNumerically("<", 600), "the rate of a counter that stumbled was believed")
			}
			g.Expect(seen).To(BeTrue())
			g.Expect(about(u.cpu, 500)).To(BeTrue(), "%s", u)
		}).Should(Succeed())
	})

	It("passes on what is no usage, which is unknown and counted", func(ctx SpecContext) {
		for value, reason := range map[string]sources.Reason{
			"NaN": sources.ReasonNotFinite, "+Inf": sources.ReasonNotFinite, "-5": sources.ReasonNegative, "0": sources.ReasonZeroMemory, "1e30": sources.ReasonImplausible,
		} {
			namespace := fmt.Sprintf("wrong-%x", value)
			export.add(row{namespace: namespace, pod: pod, container: "etcd", memory: always(value)})
			Eventually(func(g Gomega) {
				u, report := one(ctx, namespace)
				g.Expect(report.Unknown).To(HaveKeyWithValue(reason, 1), value)
				g.Expect(u).To(Equal(used{-1, -1}))
			}).Should(Succeed())
		}
	})

	It("gives the higher of a container's series, of two replicas of a scraper", func(ctx SpecContext) {
		export.add(row{"replicas", pod, "etcd", `,replica="a"`, nil, always("1e9")})
		export.add(row{"replicas", pod, "etcd", `,replica="b"`, nil, always("2e9")})
		Eventually(func(g Gomega) {
			u, report := one(ctx, "replicas")
			g.Expect(u.memory).To(Equal(2e9))
			g.Expect(report.Memory).To(Equal(1))
		}).Should(Succeed())
	})

	It("takes any value of a matcher as it was written", func(ctx SpecContext) {
		export.add(row{"quoted", pod, "etcd", `,team="a\"b\\c{}"`, nil, always("1e9")})
		export.add(row{"quoted", pod, "side", `,team="other"`, nil, always("1e9")})
		source := prometheusWith(prometheus.Settings{Matchers: []prometheus.Matcher{{Label: "team", Op: prometheus.Equal, Value: `a"b\c{}`}}}, "quoted")
		Eventually(func(g Gomega) {
			fleet, _ := read(ctx, source)
			g.Expect(fleet).To(HaveLen(1))
			g.Expect(fleet).To(HaveKey("quoted/" + pod + "/etcd"))
		}).Should(Succeed())
	})

	It("knows nothing of a namespace that is not there, and says so", func(ctx SpecContext) {
		fleet, report := read(ctx, prometheusWith(prometheus.Settings{}, "nowhere"))
		Expect(fleet).To(BeEmpty())
		Expect(report.Unknown).To(Equal(map[sources.Reason]int{sources.ReasonEmpty: 2}))
	})

	It("is asked three times, whether there are 10, 100 or 1,000 tenants", func(ctx SpecContext) {
		target, err := url.Parse(box.PrometheusURL())
		Expect(err).NotTo(HaveOccurred())
		counter := &counting{next: httputil.NewSingleHostReverseProxy(target)}
		proxy := httptest.NewServer(counter)
		DeferCleanup(proxy.Close)
		source := prometheusWith(prometheus.Settings{
			Address: proxy.URL, Matchers: []prometheus.Matcher{{Label: "namespace", Op: prometheus.Matches, Value: "fleet-.*"}},
		}, "")
		for _, tenants := range []int{10, 100, 1000} {
			export.set(func(e *exporter) { e.fleet = tenants })
			Eventually(func(g Gomega) {
				counter.count = 0
				begun := time.Now()
				fleet, report := read(ctx, source)
				took := time.Since(begun)
				g.Expect(fleet).To(HaveLen(4 * tenants))
				g.Expect(report.CPU).To(Equal(4 * tenants))
				g.Expect(report.Memory).To(Equal(4 * tenants))
				AddReportEntry(fmt.Sprintf("%d tenants", tenants), fmt.Sprintf("%d queries, %s", counter.count, took.Round(time.Millisecond)))
			}).Should(Succeed())
			Expect(counter.count).To(Equal(3))
		}
		export.set(func(e *exporter) { e.fleet = 0 })
	})

	It("gives its history, of which every point is right", func(ctx SpecContext) {
		till := time.Now().Add(-time.Hour).Truncate(time.Minute)
		from := till.Add(-48 * time.Hour)
		// Memory is the hour since the beginning in MiB, so that the peak of each window is known.
		memory := func(at time.Time) float64 { return float64((1 + at.Sub(from)/time.Hour) << 20) }
		export.set(func(e *exporter) {
			e.history = append(e.history, history{"past", from, till, 0.25, memory})
		})
		source := prometheusWith(prometheus.Settings{}, "past")
		Eventually(func(g Gomega) { // it has been scraped
			_, report, err := source.Next(ctx, sources.NewCursor(till, time.Hour), func(sources.Sample) {})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(report.Memory).To(BeNumerically(">", 0))
		}).Should(Succeed())

		at := sources.NewCursor(till, 48*time.Hour)
		points := used{}
		for !at.Done() {
			next, report, err := source.Next(ctx, at, func(s sources.Sample) {
				if cpu, ok := s.CPU.Get(); ok {
					Expect(about(cpu, 250)).To(BeTrue(), "CPU %g at %s", cpu, s.At)
					points.cpu++
				}
				if m, ok := s.Memory.Get(); ok {
					Expect(m).To(Equal(memory(earlier(s.At, till.Add(-time.Minute)))), "memory at %s", s.At)
					points.memory++
				}
			})
			Expect(err).NotTo(HaveOccurred())
			Expect(report.Warnings).To(BeEmpty())
			at = next
		}
		// All 48 hours in steps of five minutes; of the first one the rate is not known, for the counter does not reach back.
		Expect(points.memory).To(BeEquivalentTo(48 * 12))
		Expect(points.cpu).To(BeNumerically(">=", 48*12-1))
	})

	It("gives the history of the namespaces that are named, and of no other", func(ctx SpecContext) {
		till := time.Now().Add(-time.Hour).Truncate(time.Minute)
		constant := func(time.Time) float64 { return 1 << 30 }
		export.set(func(e *exporter) {
			for _, namespace := range []string{"late-1", "late-2", "late-3"} {
				e.history = append(e.history, history{namespace, till.Add(-2 * time.Hour), till, 0.25, constant})
			}
		})
		source := prometheusWith(prometheus.Settings{}, "")
		of := func(namespaces ...string) map[string]int {
			at, found := sources.NewCursor(till, time.Hour), map[string]int{}
			at.Namespaces = namespaces
			next, _, err := source.Next(ctx, at, func(s sources.Sample) {
				if s.Memory.Present() {
					found[s.Namespace]++
				}
			})
			Expect(err).NotTo(HaveOccurred())
			Expect(next.Done()).To(BeTrue())
			return found
		}
		Eventually(func() map[string]int { return of("late-1", "late-2", "late-3") }).Should(HaveLen(3)) // they have been scraped
		Expect(of("late-1", "late-3")).To(Equal(map[string]int{"late-1": 12, "late-3": 12}))
		Expect(of("late-.")).To(BeEmpty(), "a name is no pattern")
	})

	It("that is away is an error, and is left alone for a while", func(ctx SpecContext) {
		source := prometheusWith(prometheus.Settings{Address: "http://127.0.0.1:1"}, "")
		_, err := source.Read(ctx, func(sources.Sample) {})
		Expect(err).To(MatchError(ContainSubstring("connection refused")))
		_, err = source.Read(ctx, func(sources.Sample) {})
		Expect(errors.Is(err, sources.ErrHeld)).To(BeTrue())
	})
})

func firstPod(ctx context.Context, namespace, workload string) string {
	GinkgoHelper()
	pods, err := box.PodsOf(ctx, namespace, workload)
	Expect(err).NotTo(HaveOccurred())
	return pods[0].Name
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// difference is by which share two values differ.
func difference(a, b float64) float64 { return max(a-b, b-a) / max(a, b) }
