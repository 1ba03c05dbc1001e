//go:build unix

package vpa

import (
	"context"
	"fmt"
	"math/rand"
	"runtime"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	vpav1 "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1"
	vpalisters "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/client/listers/autoscaling.k8s.io/v1"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/input"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/input/oom"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/model"
	"k8s.io/client-go/tools/cache"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/size"
)

// The benchmarks put the peer beside ours in one run. To compare: benchstat -col /of. On a machine that does other things
// too, cpu-ns/op is the figure to go by: the processor time of the whole process, garbage collection included.

// processor starts to count processor time; the function it gives reports it.
func processor(b *testing.B) func() {
	b.Helper()
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}

// peer is VPA's library without anything around it: what its recommender keeps of one container of one pod.
type peer struct {
	aggregate *model.AggregateContainerState
	container *model.ContainerState
}

func newPeer() peer {
	aggregate := newAggregate()
	return peer{aggregate: aggregate, container: model.NewContainerState(nil, aggregate)}
}

func (p peer) add(at time.Time, cpu, memory float64) {
	p.container.AddSample(&model.ContainerUsageSample{MeasureStart: at, Usage: model.ResourceAmount(cpu), Resource: model.ResourceCPU})
	p.container.AddSample(&model.ContainerUsageSample{MeasureStart: at, Usage: model.ResourceAmount(memory), Resource: model.ResourceMemory})
}

// load is the usage of container i: components of all sizes, with noise, the same in every run.
func load(random *rand.Rand, i, minute int) (cpu, memory float64) {
	cpu, memory = wave(minute)
	scale := []float64{0.05, 0.2, 1, 4}[i%4]
	return cpu * scale * (0.8 + 0.4*random.Float64()), memory * scale * (0.95 + 0.1*random.Float64())
}

const fleet = 10_000 // containers, so that they do not fit the processor's caches

func BenchmarkSample(b *testing.B) {
	b.Run("of=Metapilot", func(b *testing.B) {
		states := make([]*profiles.State, fleet)
		for i := range states {
			states[i] = profiles.New(profiles.Auto{Kind: profiles.KindOther})
		}
		random := rand.New(rand.NewSource(1))
		b.ReportAllocs()
		done := processor(b)
		for n := 0; b.Loop(); n++ {
			i, minute := n%fleet, n/fleet
			cpu, memory := load(random, i, minute)
			at := after(minute)
			states[i].Add(at, profiles.Sample{At: at, Replica: "kube-apiserver-6c9f7d5b8-abcde", CPU: size.Of(cpu), Memory: size.Of(memory)})
		}
		done()
	})
	b.Run("of=VPA", func(b *testing.B) {
		states := make([]peer, fleet)
		for i := range states {
			states[i] = newPeer()
		}
		random := rand.New(rand.NewSource(1))
		b.ReportAllocs()
		done := processor(b)
		for n := 0; b.Loop(); n++ {
			i, minute := n%fleet, n/fleet
			cpu, memory := load(random, i, minute)
			states[i].add(after(minute), cpu, memory)
		}
		done()
	})
}

// aged are containers that are four weeks old, in steps of five minutes.
func aged(n int, of profiles.Algorithm, replicas int) []*profiles.State {
	random := rand.New(rand.NewSource(1))
	out := make([]*profiles.State, n)
	for i := range out {
		out[i] = profiles.New(of)
		for minute := 0; minute < 28*1440; minute += 5 {
			for r := range replicas {
				cpu, memory := load(random, i, minute)
				at := after(minute)
				out[i].Add(at, profiles.Sample{
					At: at, Replica: fmt.Sprintf("kube-apiserver-6c9f7d5b8-abcd%d", r), Started: size.Of(begin),
					CPU: size.Of(cpu), Memory: size.Of(memory),
				})
			}
		}
	}
	return out
}

func agedPeers(n int) []peer {
	random := rand.New(rand.NewSource(1))
	out := make([]peer, n)
	for i := range out {
		out[i] = newPeer()
		for minute := 0; minute < 28*1440; minute += 5 {
			cpu, memory := load(random, i, minute)
			out[i].add(after(minute), cpu, memory)
		}
	}
	return out
}

func BenchmarkRecommend(b *testing.B) {
	now := after(28 * 1440)
	for _, a := range []profiles.Algorithm{
		profiles.Auto{Kind: profiles.KindOther}, profiles.DefaultPercentile(), profiles.DefaultPeak(),
		profiles.DefaultMovingWindow(), profiles.DefaultSeasonal(),
	} {
		b.Run(fmt.Sprintf("of=%s", a.Name()), func(b *testing.B) {
			states := aged(100, a, 1)
			b.ReportAllocs()
			done := processor(b)
			for n := 0; b.Loop(); n++ {
				states[n%len(states)].Recommend(now, a, profiles.Bounds{})
			}
			done()
		})
	}
	b.Run("of=VPA", func(b *testing.B) {
		peers := agedPeers(100)
		recommender := New(1).recommender
		b.ReportAllocs()
		done := processor(b)
		for n := 0; b.Loop(); n++ {
			recommender.GetRecommendedPodResources(model.ContainerNameToAggregateStateMap{"kube-apiserver": peers[n%len(peers)].aggregate})
		}
		done()
	})
}

// BenchmarkMinute is a minute of a container's life: a sample, and a recommendation.
func BenchmarkMinute(b *testing.B) {
	const containers = 100
	random := rand.New(rand.NewSource(2))
	for _, a := range []profiles.Algorithm{
		profiles.Auto{Kind: profiles.KindOther}, profiles.DefaultPercentile(), profiles.DefaultPeak(),
		profiles.DefaultMovingWindow(), profiles.DefaultSeasonal(),
	} {
		b.Run(fmt.Sprintf("of=%s", a.Name()), func(b *testing.B) {
			states := aged(containers, a, 1)
			done := processor(b)
			for n := 0; b.Loop(); n++ {
				i, minute := n%containers, 28*1440+n/containers
				cpu, memory := load(random, i, minute)
				at := after(minute)
				states[i].Add(at, profiles.Sample{At: at, Replica: "kube-apiserver-6c9f7d5b8-abcd0", CPU: size.Of(cpu), Memory: size.Of(memory)})
				states[i].Recommend(at, a, profiles.Bounds{})
			}
			done()
		})
	}
	b.Run("of=VPA", func(b *testing.B) {
		peers := agedPeers(containers)
		recommender := New(1).recommender
		done := processor(b)
		for n := 0; b.Loop(); n++ {
			i, minute := n%containers, 28*1440+n/containers
			cpu, memory := load(random, i, minute)
			peers[i].add(after(minute), cpu, memory)
			recommender.GetRecommendedPodResources(model.ContainerNameToAggregateStateMap{"kube-apiserver": peers[i].aggregate})
		}
		done()
	})
}

// BenchmarkMemory reports the heap that a container takes, four weeks old, all included.
func BenchmarkMemory(b *testing.B) {
	const containers = 200
	report := func(name string, build func() any) {
		b.Run("of="+name, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				kept := build()
				b.ReportMetric((heap()-before)/containers, "B/container")
				runtime.KeepAlive(kept)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
	for _, replicas := range []int{1, 3} {
		report(fmt.Sprintf("Metapilot/replicas=%d", replicas), func() any {
			states := aged(containers, profiles.Auto{Kind: profiles.KindOther}, replicas)
			for _, s := range states { // what it has worked out is kept, too
				s.Recommend(after(28*1440), profiles.Auto{Kind: profiles.KindOther}, profiles.Bounds{})
			}
			return states
		})
	}
	report("VPA/replicas=1", func() any { return agedPeers(containers) })
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkCheckpoint is the work for one container; B/checkpoint is what is stored.
func BenchmarkCheckpoint(b *testing.B) {
	state := aged(3, profiles.Auto{Kind: profiles.KindOther}, 3)[2]
	checkpoint := state.AppendCheckpoint(nil)
	aggregate := agedPeers(3)[2].aggregate
	status, err := aggregate.SaveToCheckpoint()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("do=Save/of=Metapilot", func(b *testing.B) {
		b.ReportAllocs()
		buffer := make([]byte, 0, 4096)
		done := processor(b)
		for b.Loop() {
			buffer = state.AppendCheckpoint(buffer[:0])
		}
		done()
		b.ReportMetric(float64(len(checkpoint)), "B/checkpoint")
	})
	b.Run("do=Save/of=VPA", func(b *testing.B) {
		b.ReportAllocs()
		done := processor(b)
		for b.Loop() {
			if _, err := aggregate.SaveToCheckpoint(); err != nil {
				b.Fatal(err)
			}
		}
		done()
	})
	b.Run("do=Load/of=Metapilot", func(b *testing.B) {
		b.ReportAllocs()
		done := processor(b)
		for b.Loop() {
			if err := profiles.New(profiles.Auto{Kind: profiles.KindOther}).Restore(checkpoint); err != nil {
				b.Fatal(err)
			}
		}
		done()
	})
	b.Run("do=Load/of=VPA", func(b *testing.B) {
		b.ReportAllocs()
		done := processor(b)
		for b.Loop() {
			if err := newAggregate().LoadFromCheckpoint(status); err != nil {
				b.Fatal(err)
			}
		}
		done()
	})
}

// BenchmarkRestart restores a fleet of namespaces with four workloads each from checkpoints that are already in memory,
// as both have them in an informer's cache. VPA's is its own InitFromCheckpoints, which loads every checkpoint once for
// every namespace; at 10,000 namespaces that would take an hour, so it stops at 2,000.
func BenchmarkRestart(b *testing.B) {
	state := aged(3, profiles.Auto{Kind: profiles.KindOther}, 3)[2]
	checkpoint := state.AppendCheckpoint(nil)
	status, err := agedPeers(3)[2].aggregate.SaveToCheckpoint()
	if err != nil {
		b.Fatal(err)
	}
	for _, namespaces := range []int{100, 500, 2000, 10_000} {
		b.Run(fmt.Sprintf("namespaces=%d/of=Metapilot", namespaces), func(b *testing.B) {
			done := processor(b)
			for b.Loop() {
				states := make([]*profiles.State, 4*namespaces)
				for i := range states {
					states[i] = profiles.New(profiles.Auto{Kind: profiles.KindOther})
					if err := states[i].Restore(checkpoint); err != nil {
						b.Fatal(err)
					}
				}
			}
			done()
		})
	}
	for _, namespaces := range []int{100, 500, 2000} {
		b.Run(fmt.Sprintf("namespaces=%d/of=VPA", namespaces), func(b *testing.B) {
			vpas, checkpoints := cluster(b, namespaces, status)
			done := processor(b)
			for b.Loop() {
				model := model.NewClusterState(time.Hour)
				input.ClusterStateFeederFactory{
					ClusterState:        model,
					VpaLister:           vpas,
					VpaCheckpointLister: checkpoints,
					OOMObserver:         oom.NewObserver(),
					SelectorFetcher:     everything{},
					RecommenderName:     input.DefaultRecommenderName,
				}.Make().InitFromCheckpoints(context.Background())
				if got := len(model.VPAs()); got != 4*namespaces {
					b.Fatalf("%d VPAs, want %d", got, 4*namespaces)
				}
				for _, v := range model.VPAs() {
					if len(v.ContainersInitialAggregateState) != 1 {
						b.Fatalf("%s was not restored", v.ID.VpaName)
					}
				}
			}
			done()
		})
	}
}

// cluster makes VPAs and their checkpoints, in the caches in which VPA reads them.
func cluster(b *testing.B, namespaces int, status *vpav1.VerticalPodAutoscalerCheckpointStatus) (vpalisters.VerticalPodAutoscalerLister, vpalisters.VerticalPodAutoscalerCheckpointLister) {
	b.Helper()
	objects := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	checkpoints := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	for n := range namespaces {
		for w := range 4 {
			meta := metav1.ObjectMeta{Namespace: fmt.Sprintf("tenant-%05d", n), Name: fmt.Sprintf("workload-%d", w)}
			if err := objects.Add(&vpav1.VerticalPodAutoscaler{ObjectMeta: meta}); err != nil {
				b.Fatal(err)
			}
			if err := checkpoints.Add(&vpav1.VerticalPodAutoscalerCheckpoint{
				ObjectMeta: meta,
				Spec:       vpav1.VerticalPodAutoscalerCheckpointSpec{VPAObjectName: meta.Name, ContainerName: "container"},
				Status:     *status,
			}); err != nil {
				b.Fatal(err)
			}
		}
	}
	return vpalisters.NewVerticalPodAutoscalerLister(objects), vpalisters.NewVerticalPodAutoscalerCheckpointLister(checkpoints)
}

// everything selects every pod: no VPA here has a pod.
type everything struct{}

func (everything) Fetch(context.Context, *vpav1.VerticalPodAutoscaler) (labels.Selector, error) {
	return labels.Everything(), nil
}
