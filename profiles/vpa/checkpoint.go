package vpa

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	vpav1 "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/model"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/util"

	"github.com/metapilot/metapilot/profiles"
)

// A checkpoint is "mpv", the version, a CRC-32C of what follows (little-endian), and that: a document in JSON. It has
// VPA's own checkpoints of the histograms, without the peaks of the running days, and these for each replica. VPA's
// checkpoints round weights to a ten-thousandth of the largest.
const (
	magic   = "mpv"
	version = 1
	bodyAt  = len(magic) + 1 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type document struct {
	CPU      vpav1.HistogramCheckpoint `json:"cpu"`
	Memory   vpav1.HistogramCheckpoint `json:"memory"`
	First    int64                     `json:"first,omitempty"` // unix seconds, as all times
	Last     int64                     `json:"last,omitempty"`
	Samples  int                       `json:"samples,omitempty"`
	Taken    uint64                    `json:"taken,omitempty"`
	Replicas []window                  `json:"replicas,omitempty"`
}

// window is the running day of a replica.
type window struct {
	Name string `json:"name"`
	Last int64  `json:"last,omitempty"`
	CPU  int64  `json:"cpu,omitempty"` // the time of the latest sample of CPU
	End  int64  `json:"end,omitempty"` // of the day
	// Peak is the highest usage of the day; Need what a kill of the day calls for, where that is more.
	Peak int64 `json:"peak,omitempty"`
	Need int64 `json:"need,omitempty"`
}

// AppendCheckpoint appends the whole State.
func (s *State) AppendCheckpoint(b []byte) ([]byte, error) {
	d := document{Samples: s.aggregate.TotalSamplesCount, Taken: s.taken}
	if !s.aggregate.FirstSampleStart.IsZero() {
		d.First, d.Last = s.aggregate.FirstSampleStart.Unix(), s.aggregate.LastSampleStart.Unix()
	}
	peaks := util.NewDecayingHistogram(memoryBuckets, model.DefaultMemoryHistogramDecayHalfLife)
	peaks.Merge(s.aggregate.AggregateMemoryPeaks)
	for _, r := range s.replicas {
		w := window{Name: r.name, Last: seconds(r.last), CPU: seconds(r.state.LastCPUSampleStart), End: seconds(r.state.WindowEnd), Peak: int64(r.peak)}
		if highest := r.state.GetMaxMemoryPeak(); highest > 0 {
			peaks.SubtractSample(float64(highest), 1, r.state.WindowEnd)
			if highest > r.peak {
				w.Need = int64(highest)
			}
		}
		d.Replicas = append(d.Replicas, w)
	}
	for _, h := range []struct {
		from util.Histogram
		to   *vpav1.HistogramCheckpoint
	}{{s.aggregate.AggregateCPUUsage, &d.CPU}, {peaks, &d.Memory}} {
		if h.from.IsEmpty() {
			continue
		}
		c, err := h.from.SaveToChekpoint()
		if err != nil {
			return b, fmt.Errorf("saving a histogram: %w", err)
		}
		*h.to = *c
	}
	body, err := json.Marshal(d)
	if err != nil {
		return b, fmt.Errorf("writing a checkpoint: %w", err)
	}
	b = append(append(b, magic...), version)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(body, castagnoli))
	return append(b, body...), nil
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// Restore makes the State what the checkpoint says. On an error the State stays as it is; a checkpoint of fewer samples
// than it has is an error (profiles.ErrKnowsLess).
func (s *State) Restore(checkpoint []byte) error {
	d, err := read(checkpoint)
	if err != nil {
		return err
	}
	if d.Taken < s.taken || d.Samples < s.aggregate.TotalSamplesCount {
		return profiles.ErrKnowsLess
	}
	out := &State{aggregate: newAggregate(), recommender: s.recommender, taken: d.Taken}
	for _, h := range []struct {
		to   util.Histogram
		from *vpav1.HistogramCheckpoint
	}{{out.aggregate.AggregateCPUUsage, &d.CPU}, {out.aggregate.AggregateMemoryPeaks, &d.Memory}} {
		if err := h.to.LoadFromCheckpoint(h.from); err != nil {
			return fmt.Errorf("%w: %w", profiles.ErrCheckpoint, err)
		}
	}
	out.aggregate.TotalSamplesCount = d.Samples
	out.aggregate.FirstSampleStart, out.aggregate.LastSampleStart = unix(d.First), unix(d.Last)
	for _, w := range d.Replicas {
		out.replicas = append(out.replicas, w.open(out.aggregate))
	}
	*s = *out
	return nil
}

// open makes a replica in the middle of its day.
func (w window) open(aggregate *model.AggregateContainerState) replica {
	r := replica{name: w.Name, last: unix(w.Last), peak: model.ResourceAmount(w.Peak), end: unix(w.End), state: model.NewContainerState(nil, aggregate)}
	r.state.LastCPUSampleStart = unix(w.CPU)
	if w.End == 0 {
		return r
	}
	// A sample at the beginning of the day opens the day that ends at End. Where the kill came first there is none.
	begin := r.end.Add(-model.DefaultMemoryAggregationInterval)
	r.state.WindowEnd = begin
	if r.peak > 0 {
		r.state.AddSample(&model.ContainerUsageSample{MeasureStart: begin, Usage: r.peak, Resource: model.ResourceMemory})
	}
	if w.Need > 0 {
		// What a kill calls for is max(held + least bump, held × ratio): this is what was held.
		held := min(float64(w.Need)-model.DefaultOOMMinBumpUp, float64(w.Need)/model.DefaultOOMBumpUpRatio)
		// VPA takes a kill of the last day before its newest sample; this one cannot be older.
		_ = r.state.RecordOOM(begin, model.ResourceAmount(math.Round(held)))
	}
	return r
}

func unix(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// read decodes and checks a document.
func read(checkpoint []byte) (*document, error) {
	if len(checkpoint) < bodyAt || string(checkpoint[:len(magic)]) != magic {
		return nil, profiles.ErrCheckpoint
	}
	if checkpoint[len(magic)] != version {
		return nil, profiles.ErrVersion
	}
	body := checkpoint[bodyAt:]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(checkpoint[bodyAt-4:]) {
		return nil, profiles.ErrCheckpoint
	}
	var d document
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, fmt.Errorf("%w: %w", profiles.ErrCheckpoint, err)
	}
	if !d.plausible() {
		return nil, profiles.ErrCheckpoint
	}
	return &d, nil
}

// furthest is the year 2243; the difference of two times up to it is a Duration.
const furthest = 1 << 33

// plausible tells whether all that the library does not check is in its range.
func (d *document) plausible() bool {
	inTime := func(times ...int64) bool {
		for _, t := range times {
			if t < 0 || t > furthest {
				return false
			}
		}
		return true
	}
	for _, h := range []vpav1.HistogramCheckpoint{d.CPU, d.Memory} {
		if t := h.ReferenceTimestamp; !t.IsZero() && !inTime(t.Unix()) {
			return false
		}
		if h.TotalWeight < 0 || h.TotalWeight > math.MaxFloat32 {
			return false
		}
	}
	if !inTime(d.First, d.Last) || d.Samples < 0 || len(d.Replicas) > maxReplicas {
		return false
	}
	for _, w := range d.Replicas {
		if !inTime(w.Last, w.CPU, w.End) || max(w.Peak, w.Need) > int64(model.MaxResourceAmount) || min(w.Peak, w.Need) < 0 {
			return false
		}
	}
	return true
}
