package vpa

import (
	"fmt"
	"math"
	"time"

	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/logic"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/model"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/util"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/size"
)

// The defaults of VPA v1.8.1, which its library does not export as constants: pkg/recommender/config/config.go.
const (
	safetyMargin       = 0.15
	podMinCPU          = 25.0  // millicores
	podMinMemory       = 250.0 // mebibytes
	lowerPercentile    = 0.5
	targetPercentile   = 0.9
	upperPercentile    = 0.95
	confidenceInterval = 24 * time.Hour
	// epsilon is that of pkg/recommender/model/aggregations_config.go.
	epsilon = 0.0001
)

// cpuBuckets and memoryBuckets are those of pkg/recommender/model/aggregations_config.go. Histograms are merged only where
// they share one value of these.
var (
	cpuBuckets    = buckets(1000, 0.01)
	memoryBuckets = buckets(1e12, 1e7)
)

func buckets(most, first float64) util.HistogramOptions {
	options, err := util.NewExponentialHistogramOptions(most, first, 1+model.DefaultHistogramBucketSizeGrowth, epsilon)
	if err != nil {
		panic(err) // the arguments are constants
	}
	return options
}

const (
	// replicaGone is how long a replica without samples is kept: VPA drops a pod when it is deleted.
	replicaGone = time.Hour
	// maxReplicas bounds the memory.
	maxReplicas = 64
	// container names the one container that VPA's recommender is asked about.
	container = "container"
)

// State is what VPA keeps of one container of a workload. It is not safe for concurrent use.
type State struct {
	aggregate   *model.AggregateContainerState
	replicas    []replica
	recommender logic.PodResourceRecommender
	taken       uint64
}

// replica is one pod's container.
type replica struct {
	name  string
	state *model.ContainerState
	last  time.Time
	// peak is the highest usage of the running day, which VPA does not tell from what a kill calls for.
	peak model.ResourceAmount
	end  time.Time
}

// New gives an empty State. Containers is the number of containers of the pod, over which VPA spreads its least sizes.
func New(containers int) *State {
	n := float64(max(containers, 1))
	return &State{
		aggregate: newAggregate(),
		recommender: logic.CreatePodResourceRecommender(logic.RecommendationConfig{
			SafetyMarginFraction:       safetyMargin,
			PodMinCPUMillicores:        podMinCPU / n,
			PodMinMemoryMb:             podMinMemory / n,
			TargetCPUPercentile:        targetPercentile,
			LowerBoundCPUPercentile:    lowerPercentile,
			UpperBoundCPUPercentile:    upperPercentile,
			ConfidenceIntervalCPU:      confidenceInterval,
			TargetMemoryPercentile:     targetPercentile,
			LowerBoundMemoryPercentile: lowerPercentile,
			UpperBoundMemoryPercentile: upperPercentile,
			ConfidenceIntervalMemory:   confidenceInterval,
		}),
	}
}

// newAggregate makes what model.NewAggregateContainerState makes, without its global settings and its clock.
func newAggregate() *model.AggregateContainerState {
	return &model.AggregateContainerState{
		AggregateCPUUsage:                 util.NewDecayingHistogram(cpuBuckets, model.DefaultCPUHistogramDecayHalfLife),
		AggregateMemoryPeaks:              util.NewDecayingHistogram(memoryBuckets, model.DefaultMemoryHistogramDecayHalfLife),
		OOMBumpUpRatio:                    model.DefaultOOMBumpUpRatio,
		OOMMinBumpUp:                      model.DefaultOOMMinBumpUp,
		MemoryAggregationIntervalDuration: model.DefaultMemoryAggregationInterval,
		MemoryAggregationIntervalCount:    model.DefaultMemoryAggregationIntervalCount,
	}
}

// Add takes a sample. VPA drops what comes late, and counts every replica on its own.
func (s *State) Add(now time.Time, x profiles.Sample) profiles.Verdicts {
	verdicts := x.Judge(now)
	if verdicts.CPU != profiles.Taken && verdicts.Memory != profiles.Taken {
		return verdicts
	}
	r := s.replica(x.Replica, x.At)
	if verdicts.CPU == profiles.Taken {
		// VPA has whole millicores, of Quantity.MilliValue, which rounds up.
		usage := model.ResourceAmount(math.Ceil(x.CPU.Or(0)))
		verdicts.CPU = s.sample(r, x.At, model.ResourceCPU, usage)
	}
	if verdicts.Memory == profiles.Taken {
		usage := model.ResourceAmount(math.Ceil(x.Memory.Or(0)))
		verdicts.Memory = s.sample(r, x.At, model.ResourceMemory, usage)
		if verdicts.Memory == profiles.Taken {
			r.observe(usage)
		}
	}
	return verdicts
}

func (s *State) sample(r *replica, at time.Time, resource model.ResourceName, usage model.ResourceAmount) profiles.Verdict {
	if !r.state.AddSample(&model.ContainerUsageSample{MeasureStart: at, Usage: usage, Resource: resource}) {
		return profiles.Late
	}
	s.taken++
	if at.After(r.last) {
		r.last = at
	}
	return profiles.Taken
}

// observe follows the peak of the running day.
func (r *replica) observe(usage model.ResourceAmount) {
	if !r.end.Equal(r.state.WindowEnd) {
		r.end, r.peak = r.state.WindowEnd, 0
	}
	r.peak = max(r.peak, usage)
}

// replica gives a pod's container, made where there is none; one that is long gone, or the one longest silent, makes room.
func (s *State) replica(name string, at time.Time) *replica {
	longest := -1
	for i := range s.replicas {
		if s.replicas[i].name == name {
			return &s.replicas[i]
		}
		if longest < 0 || s.replicas[i].last.Before(s.replicas[longest].last) {
			longest = i
		}
	}
	fresh := replica{name: name, state: model.NewContainerState(nil, s.aggregate)}
	if longest >= 0 && (len(s.replicas) == maxReplicas || s.replicas[longest].last.Before(at.Add(-replicaGone))) {
		s.replicas[longest] = fresh
		return &s.replicas[longest]
	}
	s.replicas = append(s.replicas, fresh)
	return &s.replicas[len(s.replicas)-1]
}

// OOM takes a kill of a replica that requested this much memory: VPA goes by the request, not by the limit. It gives
// false where VPA drops it.
func (s *State) OOM(at time.Time, name string, request size.Bytes) bool {
	r := s.replica(name, at)
	if r.state.RecordOOM(at, model.ResourceAmount(request)) != nil {
		return false
	}
	if at.After(r.last) {
		r.last = at
	}
	r.observe(0)
	return true
}

// Name is NameVPA.
func (*State) Name() profiles.Name { return profiles.NameVPA }

// Validate finds nothing wrong: there are no settings.
func (*State) Validate() error { return nil }

// Decay is VPA's, for the profiles.State beside this one, which it does not read.
func (*State) Decay() profiles.Decay {
	return profiles.Decay{CPUHalfLife: model.DefaultCPUHistogramDecayHalfLife, MemoryHalfLife: model.DefaultMemoryHistogramDecayHalfLife}
}

// Estimate gives the sizes of VPA's recommender. Of a resource without a sample VPA gives its least size; here it is
// absent.
func (s *State) Estimate(time.Time, *profiles.State) profiles.Estimate {
	var e profiles.Estimate
	sizes := s.recommender.GetRecommendedPodResources(model.ContainerNameToAggregateStateMap{container: s.aggregate})[container]
	for _, set := range []struct {
		to   *size.Amounts
		from model.Resources
	}{{&e.Lower, sizes.LowerBound}, {&e.Target, sizes.Target}, {&e.Upper, sizes.UpperBound}} {
		if !s.aggregate.AggregateCPUUsage.IsEmpty() {
			set.to.CPU = size.Of(size.MilliCPU(set.from[model.ResourceCPU]))
		}
		if !s.aggregate.AggregateMemoryPeaks.IsEmpty() {
			set.to.Memory = size.Of(size.Bytes(set.from[model.ResourceMemory]))
		}
	}
	e.Reasons = []profiles.Reason{{
		Code:    profiles.CodePercentile,
		Message: fmt.Sprintf("VPA's P%.0f of usage, and of the peaks of days of memory, + %.0f%%", 100*targetPercentile, 100*safetyMargin),
	}}
	return e
}
