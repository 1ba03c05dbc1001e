package sources_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/profiles/sources/prometheus"
	"github.com/metapilot/metapilot/size"
	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/kubelet"
	"github.com/metapilot/metapilot/test/sandbox/load"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

const (
	// played is how long a load is played, by the wall clock.
	played = 96 * time.Second
	// shapeWindow is that of the source here: short, since it is minutes or hours of the load's time.
	shapeWindow = 5 * time.Second
	// ahead is how long the loads are shown as they are at their beginning, so that the first window is full.
	ahead = 12 * time.Second
	// covered is the percentile that is shown, of CPU and of memory.
	covered = 75

	mebi = 1 << 20
	day  = 24 * time.Hour
)

// shape is a load that is known, on the pods of one workload.
type shape struct {
	name, workload string
	// span is the time of the load that is played, and so the time that the profile lives: samples are given to it with
	// their times as far apart as in the load.
	span time.Duration
	// loads are those of pods; "" is every other one.
	loads map[string]load.Load
	// points are those of a trace.
	points []load.Point
	hot    string

	namespace string
	state     *profiles.State
	readings  int
}

func uses(milliCPU, mebibytes int64) load.Usage {
	return load.Usage{MilliCPU: milliCPU, MemoryBytes: mebibytes * mebi}
}

// trace is a load with steps: every hour of the list has its usage.
func trace(hours ...load.Usage) []load.Point {
	points := make([]load.Point, 0, len(hours))
	for i, u := range hours {
		if len(points) == 0 || points[len(points)-1].Usage != u || i == len(hours)-1 {
			points = append(points, load.Point{Seconds: float64(i) * 3600, Usage: u})
		}
	}
	return points
}

// shapes are the loads of the table. Memory stays below the limits, or the kubelet would kill.
func shapes() []*shape {
	storm := slices.Concat(slices.Repeat([]load.Usage{uses(300, 150)}, 3*24), slices.Repeat([]load.Usage{uses(2000, 480)}, 18),
		slices.Repeat([]load.Usage{uses(300, 150)}, 3*24+6))
	scheduler := slices.Concat(slices.Repeat([]load.Usage{uses(10, 54)}, 12), slices.Repeat([]load.Usage{uses(14, 57)}, 9),
		slices.Repeat([]load.Usage{uses(18, 60)}, 3))
	all := func(l load.Load) map[string]load.Load { return map[string]load.Load{"": l} }
	return []*shape{
		{name: "steady", workload: tenant.ControllerManager, span: day, loads: all(load.Load{Shape: load.Constant, To: uses(100, 100)})},
		{name: "daily wave", workload: tenant.APIServer, span: day, loads: all(load.Load{Shape: load.Daily, From: uses(200, 250), To: uses(650, 450)})},
		{name: "weekly storm, 18 h", workload: tenant.APIServer, span: 7 * day, loads: all(load.Load{Shape: load.Trace}), points: trace(storm...)},
		{name: "ramp, 14 of 16 days", workload: tenant.Etcd, span: 16 * day, loads: all(load.Load{
			Shape: load.Ramp, From: uses(100, 100), To: uses(500, 400), Seconds: int64(14 * day / time.Second)})},
		{name: "one hot replica", workload: tenant.Etcd, span: day, hot: "etcd-2", loads: map[string]load.Load{
			"": {Shape: load.Constant, To: uses(120, 200)}, "etcd-2": {Shape: load.Constant, To: uses(240, 400)}}},
		{name: "small scheduler", workload: tenant.Scheduler, span: day, loads: all(load.Load{Shape: load.Trace}), points: trace(scheduler...)},
	}
}

// compression is how many seconds of the load pass in one of the wall clock.
func (s *shape) compression() float64 { return float64(s.span) / float64(played) }

// set gives the load to the pods.
func (s *shape) set(ctx context.Context, begin time.Time) {
	GinkgoHelper()
	for pod, l := range s.loads {
		l.StartedAt, l.Compression = begin, s.compression()
		if l.Shape == load.Trace {
			l.TraceFile = s.file()
		}
		s.loads[pod] = l
		Expect(box.SetLoad(ctx, kubelet.Target{Namespace: s.namespace, Workload: s.workload, Pod: pod}, l)).To(Succeed())
	}
}

// file writes the trace as the sandbox reads it.
func (s *shape) file() string {
	GinkgoHelper()
	rows := []string{"timestamp_seconds,cpu_cores,memory_bytes"}
	for _, p := range s.points {
		rows = append(rows, fmt.Sprintf("%.0f,%.3f,%d", p.Seconds, float64(p.Usage.MilliCPU)/1000, p.Usage.MemoryBytes))
	}
	name := filepath.Join(GinkgoT().TempDir(), "trace.csv")
	Expect(os.WriteFile(name, []byte(strings.Join(rows, "\n")+"\n"), 0o600)).To(Succeed())
	return name
}

// take gives a sample to the profile, with its time in the load's.
func (s *shape) take(x sources.Sample, begin time.Time) {
	GinkgoHelper()
	x.At = begin.Add(time.Duration(float64(x.At.Sub(begin)) * s.compression()))
	verdicts := s.state.Add(x.At, x.Sample)
	Expect(verdicts.CPU.Rejected() || verdicts.Memory.Rejected()).To(BeFalse(), "%s: %+v", s.name, verdicts)
	s.readings++
}

// known is what the load says itself, of the hottest replica: the highest, and the percentile of what the source's window
// makes of it.
func (s *shape) known(begin time.Time, pick func(load.Usage) int64, window func([]float64) float64) (peak, percentile float64) {
	const step = 100 * time.Millisecond
	const inWindow = int(shapeWindow / step)
	type weighed struct{ value, weight float64 }
	var uses []float64
	var all []weighed
	total := 0.0
	for at := -shapeWindow; at < played; at += step {
		use := 0.0
		for _, l := range s.loads {
			use = max(use, float64(pick(l.At(begin.Add(at), s.points))))
		}
		uses, peak = append(uses, use), max(peak, use)
		if at < 0 {
			continue
		}
		w := weighed{window(uses[len(uses)-inWindow:]), math.Exp2(-float64(played-at) * s.compression() / float64(profiles.MaxHalfLife))}
		total, all = total+w.weight, append(all, w)
	}
	slices.SortFunc(all, func(a, b weighed) int { return cmp.Compare(a.value, b.value) })
	sum := 0.0
	for _, w := range all {
		if sum += w.weight; sum >= total*covered/100 {
			return peak, w.value
		}
	}
	return peak, math.NaN()
}

func average(of []float64) float64 {
	sum := 0.0
	for _, v := range of {
		sum += v
	}
	return sum / float64(len(of))
}

var _ = Describe("A known load, played on the sandbox's pods", func() {
	// A day, a week or 16 days pass in 96 seconds: the loads are compressed by the sandbox, and the times of the samples are
	// drawn out by as much before the profile takes them. All else is as it is live: a pod's usage, scraped and asked for once
	// a second. What a window of the source blurs, five seconds, is 75 minutes of a day here, and nine hours of a week.
	It("has its known peak and percentile in the profile", func(ctx SpecContext) {
		algorithm := profiles.Percentile{
			CPU: profiles.Percentiles{Lower: 60, Target: covered, Upper: 99}, Memory: profiles.Percentiles{Lower: 60, Target: covered, Upper: 100},
			HalfLife: profiles.Decay{CPUHalfLife: profiles.MaxHalfLife, MemoryHalfLife: profiles.MaxHalfLife},
		}
		names, err := box.AddTenants(ctx, sandbox.TenantOptions{Count: 2, NamePrefix: "shapes-", Layout: "small"})
		Expect(err).NotTo(HaveOccurred())
		Expect(box.WaitTenantsReady(ctx, names...)).To(Succeed())
		all, whose, free := shapes(), map[string]*shape{}, map[string][]string{}
		begin := time.Now().Add(ahead).Truncate(time.Second)
		for _, s := range all {
			if _, ok := free[s.workload]; !ok {
				free[s.workload] = names
			}
			s.namespace, free[s.workload] = free[s.workload][0], free[s.workload][1:]
			s.state = profiles.New(algorithm)
			s.set(ctx, begin)
			whose[s.namespace+"/"+s.workload] = s
		}
		Expect(time.Now()).To(BeTemporally("<", begin.Add(-shapeWindow)), "the loads were set too slowly")

		source := prometheusWith(prometheus.Settings{
			Window: shapeWindow, WithoutPageCache: "-",
			Matchers: []prometheus.Matcher{{Label: "namespace", Op: prometheus.Matches, Value: strings.Join(names, "|")}},
		}, "")
		Eventually(func(g Gomega) {
			_, err := source.Read(ctx, func(x sources.Sample) {
				// A pod's main container is called as its workload.
				s := whose[x.Namespace+"/"+x.Container]
				if s != nil && !x.At.Before(begin) && x.At.Before(begin.Add(played)) {
					s.take(x, begin)
				}
			})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(time.Now()).To(BeTemporally(">", begin.Add(played)))
		}).WithTimeout(3 * played).WithPolling(time.Second).Should(Succeed())

		var table strings.Builder
		fmt.Fprintf(&table, "%-20s %-7s %16s %22s %s\n", "load", "", "peak", fmt.Sprintf("P%d", covered), "hot replica")
		var wrong []string
		for _, s := range all {
			got := s.state.Recommend(begin.Add(s.span), algorithm, profiles.Bounds{})
			hot := ""
			if h, ok := got.Hot.Get(); ok {
				hot = h.Replica
			}
			if hot != s.hot {
				wrong = append(wrong, fmt.Sprintf("%s: the hot replica is %q, not %q", s.name, hot, s.hot))
			}
			for _, r := range []struct {
				name, unit string
				one        float64
				pick       func(load.Usage) int64
				window     func([]float64) float64
				of         func(size.Amounts) float64
			}{
				{"CPU", "m", 1, func(u load.Usage) int64 { return u.MilliCPU }, average, func(a size.Amounts) float64 { return float64(a.CPU.Or(0)) }},
				{"memory", "MiB", mebi, func(u load.Usage) int64 { return u.MemoryBytes }, slices.Max[[]float64], func(a size.Amounts) float64 { return float64(a.Memory.Or(0)) }},
			} {
				peak, percentile := s.known(begin, r.pick, r.window)
				cells := ""
				for _, c := range []struct {
					what        string
					want, shown float64
					// above is by how much more may be shown: a percentile is a level, which is up to 5 % too high.
					above float64
				}{
					{"peak", peak, r.of(got.Peak), 1.04}, {"percentile", percentile, r.of(got.Target), 1.06},
				} {
					// Below: the kubelet shows a usage that differs by 2 % or more, and a peak is a window's average.
					if c.shown < 0.96*c.want || c.shown > c.above*c.want+r.one {
						wrong = append(wrong, fmt.Sprintf("%s: %s of %s: %.0f %s is shown, %.1f is known", s.name, c.what, r.name, c.shown/r.one, r.unit, c.want/r.one))
					}
					cells += fmt.Sprintf(" %6.0f → %4.0f %-3s %+5.1f%%", c.want/r.one, c.shown/r.one, r.unit, 100*(c.shown/c.want-1))
				}
				fmt.Fprintf(&table, "%-20s %-7s %s  %s\n", s.name, r.name, cells, hot)
			}
		}
		AddReportEntry("known and shown", "\n"+table.String())
		for _, s := range all {
			Expect(s.readings).To(BeNumerically(">", 40), "readings of %s", s.name)
		}
		Expect(wrong).To(BeEmpty(), "\n%s", table.String())
	})
})
