package vpa

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/model"

	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/size"
)

var (
	begin = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	same  = cmp.Comparer(func(a, b size.Amounts) bool { return a == b })
)

// wave is the load of a measurement that was made of VPA alone: 200 to 650 millicores over the day, memory a sawtooth
// from 600 to 800 MiB.
func wave(minute int) (cpu, memory float64) {
	cpu = 425 + 225*math.Sin(2*math.Pi*float64(minute)/1440)
	return cpu, float64(600+minute%200) * (1 << 20)
}

func fed(minutes int) *State {
	s := New(1)
	for m := range minutes {
		at := begin.Add(time.Duration(m) * time.Minute)
		cpu, memory := wave(m)
		s.Add(at, profiles.Sample{At: at, Replica: "a", CPU: size.Of(cpu), Memory: size.Of(memory)})
	}
	return s
}

func after(minutes int) time.Time { return begin.Add(time.Duration(minutes) * time.Minute) }

func mebibytes(t *testing.T, s *State) int64 {
	t.Helper()
	v, ok := s.Estimate(time.Time{}, nil).Target.Memory.Get()
	if !ok {
		t.Fatal("no memory")
	}
	return int64(v / size.MiB)
}

// TestSizesAreThoseOfTheLibrary feeds the same samples to the library by hand.
func TestSizesAreThoseOfTheLibrary(t *testing.T) {
	const minutes = 8 * 1440
	aggregate := newAggregate()
	c := model.NewContainerState(nil, aggregate)
	for m := range minutes {
		cpu, memory := wave(m)
		c.AddSample(&model.ContainerUsageSample{MeasureStart: after(m), Usage: model.ResourceAmount(math.Ceil(cpu)), Resource: model.ResourceCPU})
		c.AddSample(&model.ContainerUsageSample{MeasureStart: after(m), Usage: model.ResourceAmount(memory), Resource: model.ResourceMemory})
	}
	s := fed(minutes)
	want := s.recommender.GetRecommendedPodResources(model.ContainerNameToAggregateStateMap{"": aggregate})[""]
	got := s.Estimate(after(minutes), nil)
	for _, tc := range []struct {
		name string
		got  size.Amounts
		want model.Resources
	}{{"lower", got.Lower, want.LowerBound}, {"target", got.Target, want.Target}, {"upper", got.Upper, want.UpperBound}} {
		amounts := size.Amounts{CPU: size.Of(size.MilliCPU(tc.want[model.ResourceCPU])), Memory: size.Of(size.Bytes(tc.want[model.ResourceMemory]))}
		if diff := cmp.Diff(amounts, tc.got, same); diff != "" {
			t.Errorf("%s (-library +got):\n%s", tc.name, diff)
		}
	}
}

// VPA's own checkpoint drops the peak of the running day: 1483 MiB become 932 MiB after a restart, and 250 MiB when the
// pod is young.
func TestARestartAfterAKillKeepsItsMemory(t *testing.T) {
	for name, tc := range map[string]struct {
		minutes      int
		before, kill int64
	}{
		"after eight days":           {8 * 1440, 932, 1483},
		"five hours after the start": {300, 932, 1483},
	} {
		t.Run(name, func(t *testing.T) {
			s := fed(tc.minutes)
			if got := mebibytes(t, s); got != tc.before {
				t.Errorf("before the kill %d MiB, want %d", got, tc.before)
			}
			if !s.OOM(after(tc.minutes), "a", size.GiB) {
				t.Fatal("the kill was dropped")
			}
			if got := mebibytes(t, s); got != tc.kill {
				t.Errorf("after the kill %d MiB, want %d", got, tc.kill)
			}
			checkpoint, err := s.AppendCheckpoint(nil)
			if err != nil {
				t.Fatal(err)
			}
			restored := New(1)
			if err := restored.Restore(checkpoint); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s.Estimate(begin, nil), restored.Estimate(begin, nil), same); diff != "" {
				t.Errorf("after the restart (-before +after):\n%s", diff)
			}
			for m := tc.minutes; m < tc.minutes+1440; m++ { // the rest of the day, and the next
				cpu, memory := wave(m)
				x := profiles.Sample{At: after(m), Replica: "a", CPU: size.Of(cpu), Memory: size.Of(memory)}
				s.Add(after(m), x)
				restored.Add(after(m), x)
			}
			if diff := cmp.Diff(s.Estimate(begin, nil), restored.Estimate(begin, nil), same); diff != "" {
				t.Errorf("a day after the restart (-running on +restored):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNotKnownIsAbsent(t *testing.T) {
	s := New(1)
	if got := s.Estimate(begin, nil); got.Target != (size.Amounts{}) {
		t.Errorf("without samples %s, want none", got.Target)
	}
	s.Add(begin, profiles.Sample{At: begin, Replica: "a", CPU: size.Of(100.0), Memory: size.Of(math.NaN())})
	if got := s.Estimate(begin, nil).Target; !got.CPU.Present() || got.Memory.Present() {
		t.Errorf("with CPU alone %s, want CPU alone", got)
	}
}

func TestLeastSizesAreSpreadOverContainers(t *testing.T) {
	for containers, want := range map[int]string{1: "cpu 25m, memory 250Mi", 2: "cpu 12m, memory 125Mi"} {
		s := New(containers)
		s.Add(begin, profiles.Sample{At: begin, Replica: "a", CPU: size.Of(1.0), Memory: size.Of(1e6)})
		if got := s.Estimate(begin, nil).Target.String(); got != want {
			t.Errorf("a container of %d: %s, want %s", containers, got, want)
		}
	}
}

func TestReplicasStayBounded(t *testing.T) {
	s := New(1)
	for i := range 10 * maxReplicas {
		at := begin.Add(time.Duration(i) * time.Second)
		s.Add(at, profiles.Sample{At: at, Replica: at.String(), CPU: size.Of(1.0), Memory: size.Of(1e6)})
	}
	if len(s.replicas) != maxReplicas {
		t.Errorf("%d replicas, want %d", len(s.replicas), maxReplicas)
	}
	for i := range 3 {
		at := begin.Add(time.Duration(i+2) * 2 * replicaGone)
		s.Add(at, profiles.Sample{At: at, Replica: at.String(), CPU: size.Of(1.0)})
	}
	if len(s.replicas) != maxReplicas {
		t.Errorf("%d replicas after they were gone, want their places taken", len(s.replicas))
	}
}

func TestRestoreRefuses(t *testing.T) {
	s := fed(100)
	good, err := s.AppendCheckpoint(nil)
	if err != nil {
		t.Fatal(err)
	}
	less, err := fed(50).AppendCheckpoint(nil)
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte{}, good...)
	flipped[len(flipped)/2] ^= 1
	later := append([]byte{}, good...)
	later[len(magic)] = version + 1
	before := s.Estimate(begin, nil)
	for name, tc := range map[string]struct {
		checkpoint []byte
		want       error
	}{
		"nothing":            {nil, profiles.ErrCheckpoint},
		"half of it":         {good[:len(good)/2], profiles.ErrCheckpoint},
		"a flipped bit":      {flipped, profiles.ErrCheckpoint},
		"a later version":    {later, profiles.ErrVersion},
		"less than there is": {less, profiles.ErrKnowsLess},
	} {
		t.Run(name, func(t *testing.T) {
			err := s.Restore(tc.checkpoint)
			if diff := cmp.Diff(tc.want, err, cmp.Comparer(func(a, b error) bool { return (a == nil) == (b == nil) && (a == nil || a.Error() == b.Error()) })); diff != "" {
				t.Errorf("Restore() (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, s.Estimate(begin, nil), same); diff != "" {
				t.Errorf("the state changed:\n%s", diff)
			}
		})
	}
}
