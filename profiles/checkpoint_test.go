package profiles

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/metapilot/metapilot/size"
)

// randomState is a State in the middle of an hour, with starts, kills and replicas.
func randomState(random *rand.Rand, a Algorithm, n int) *State {
	s := filled(a, randomSamples(random, n))
	last := s.Last().Or(begin)
	for range random.Intn(6) {
		at := last.Add(-time.Duration(random.Intn(20*24)) * time.Hour)
		s.OOM(last, at, size.Bytes(1+random.Int63n(1<<34)))
	}
	return s
}

// A restart is not noticed: the same recommendation before and after, and ever after.
func TestARestartChangesNothing(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for round := range 20 {
		for _, a := range algorithms() {
			s := randomState(random, a, random.Intn(4000))
			checkpoint := s.AppendCheckpoint([]byte("before"))[len("before"):]
			restored := New(a)
			if err := restored.Restore(checkpoint); err != nil {
				t.Fatalf("round %d: %s: %v", round, a.Name(), err)
			}
			now := s.Last().Or(begin)
			if diff := cmp.Diff(s.Recommend(now, a, Bounds{}), restored.Recommend(now, a, Bounds{}), exact...); diff != "" {
				t.Fatalf("round %d: %s (-before +after):\n%s", round, a.Name(), diff)
			}
			if again := restored.AppendCheckpoint(nil); !slices.Equal(again, checkpoint) {
				t.Fatalf("round %d: %s: the checkpoint of what was restored differs", round, a.Name())
			}
			for _, x := range randomSamples(random, 200) {
				x.At = x.At.Add(now.Sub(begin))
				s.Add(x.At, x)
				restored.Add(x.At, x)
			}
			now = s.Last().Or(begin)
			if diff := cmp.Diff(s.Recommend(now, a, Bounds{}), restored.Recommend(now, a, Bounds{}), exact...); diff != "" {
				t.Fatalf("round %d: %s: later (-running on +restored):\n%s", round, a.Name(), diff)
			}
		}
	}
}

// The load and the kill of which VPA forgets: 932 MiB, 1483 MiB after the kill, and 932 MiB again after a restart; a pod of
// five hours falls back to 250 MiB.
func TestARestartAfterAKillKeepsItsMemory(t *testing.T) {
	for _, minutes := range []int{8 * 1440, 300} {
		for _, a := range algorithms() {
			s := New(a)
			for m := range minutes {
				s.Add(after(m), reading("a", m, 425+225*math.Sin(2*math.Pi*float64(m)/1440), float64(600+m%200)*mib))
			}
			s.OOM(after(minutes), after(minutes), size.GiB)
			before := s.Recommend(after(minutes), a, Bounds{})
			restored := New(a)
			if err := restored.Restore(s.AppendCheckpoint(nil)); err != nil {
				t.Fatal(err)
			}
			if got := restored.Recommend(after(minutes), a, Bounds{}); got.Target != before.Target || got.Target.Memory.Or(0) != 1229*size.MiB {
				t.Errorf("%s after %d minutes: %s before the restart, %s after, want 1229Mi", a.Name(), minutes, before.Target, got.Target)
			}
		}
	}
}

func TestCheckpointsAreSmall(t *testing.T) {
	for name, tc := range map[string]struct {
		use  func(m int) float64
		most int
	}{
		"an hour":  {nil, 120},
		"steady":   {func(int) float64 { return 50 }, 850},
		"office":   {weekdays, 900},
		"any load": {func(m int) float64 { return math.Exp2(17 * math.Abs(math.Sin(float64(m)*1e3))) }, 2300},
	} {
		s := New(DefaultPeak())
		if tc.use != nil {
			s = steps(28, tc.use)
		} else {
			s.Add(begin, reading("a", 0, 50, 50*mib))
		}
		if got := len(s.AppendCheckpoint(nil)); got > tc.most {
			t.Errorf("%s: %d bytes, want at most %d", name, got, tc.most)
		}
	}
}

func TestRestoreRefusesAndLeavesTheStateAsItIs(t *testing.T) {
	s := steps(20, weekdays)
	s.OOM(after(20*1440), after(20*1440), size.GiB)
	good := s.AppendCheckpoint(nil)
	change := func(f func(b []byte) []byte) []byte { return f(slices.Clone(good)) }
	before := s.AppendCheckpoint(nil)
	for name, tc := range map[string]struct {
		checkpoint []byte
		want       error
	}{
		"nothing":           {nil, ErrCheckpoint},
		"another thing":     {[]byte(`{"kind":"VerticalPodAutoscalerCheckpoint"}`), ErrCheckpoint},
		"a version to come": {change(func(b []byte) []byte { b[3] = version + 1; return b }), ErrVersion},
		"one more byte":     {resealed(append(slices.Clone(good), 0)), ErrCheckpoint},
		"fewer days":        {steps(19, weekdays).AppendCheckpoint(nil), ErrKnowsLess},
		"without the kill":  {steps(20, weekdays).AppendCheckpoint(nil), ErrKnowsLess},
		"an empty one":      {New(DefaultPeak()).AppendCheckpoint(nil), ErrKnowsLess},
		"half an empty one": {New(DefaultPeak()).AppendCheckpoint(nil)[:10], ErrCheckpoint},
	} {
		if err := s.Restore(tc.checkpoint); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	for i := range good {
		if err := s.Restore(good[:i]); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("the first %d bytes: %v", i, err)
		}
		if err := s.Restore(resealed(good[:i])); !errors.Is(err, ErrCheckpoint) && i != len(good) {
			t.Errorf("the first %d bytes, resealed: %v", i, err)
		}
		for bit := range 8 {
			if err := s.Restore(change(func(b []byte) []byte { b[i] ^= 1 << bit; return b })); err == nil {
				t.Errorf("bit %d of byte %d flipped: no error", bit, i)
			}
		}
	}
	if !slices.Equal(before, s.AppendCheckpoint(nil)) {
		t.Error("the state changed")
	}
}

// resealed has a right checksum, so that what lies behind it is read.
func resealed(checkpoint []byte) []byte {
	if len(checkpoint) < bodyAt {
		return checkpoint
	}
	out := slices.Clone(checkpoint)
	binary.LittleEndian.PutUint32(out[bodyAt-4:], crc32.Checksum(out[bodyAt:], castagnoli))
	return out
}

func TestHeadersTellWhoKnowsMore(t *testing.T) {
	header := func(first, last int, taken, kills uint64) Header {
		return Header{First: size.Of(after(first)), Last: size.Of(after(last)), Counts: Counts{Taken: taken, Kills: kills}}
	}
	for name, tc := range map[string]struct {
		a, b Header
		want bool
	}{
		"the same":                  {header(0, 9, 5, 1), header(0, 9, 5, 1), true},
		"further":                   {header(0, 10, 6, 1), header(0, 9, 5, 1), true},
		"from earlier on":           {header(-5, 9, 6, 1), header(0, 9, 5, 1), true},
		"shorter":                   {header(0, 8, 6, 1), header(0, 9, 5, 1), false},
		"begun anew":                {header(5, 10, 6, 1), header(0, 9, 5, 1), false},
		"of fewer samples":          {header(0, 9, 4, 1), header(0, 9, 5, 1), false},
		"without the kill":          {header(0, 9, 5, 0), header(0, 9, 5, 1), false},
		"anything covers nothing":   {header(0, 9, 5, 1), Header{}, true},
		"nothing covers nothing":    {Header{}, Header{}, true},
		"nothing does not cover":    {Header{}, header(0, 9, 5, 1), false},
		"a kill alone is something": {Header{}, Header{Counts: Counts{Kills: 1}}, false},
	} {
		if got := tc.a.Covers(tc.b); got != tc.want {
			t.Errorf("%s: %t, want %t", name, got, tc.want)
		}
	}
}

func TestReadHeaderIsThatOfTheState(t *testing.T) {
	s := steps(3, weekdays)
	got, err := ReadHeader(s.AppendCheckpoint(nil))
	if err != nil || got != s.Header() {
		t.Errorf("%+v, %v, want %+v", got, err, s.Header())
	}
	if _, err := ReadHeader([]byte("mpp")); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("of a piece: %v", err)
	}
}

func TestRestoreFollowsTheStatesAlgorithm(t *testing.T) {
	s := steps(3, weekdays)
	restored := New(DefaultPercentile())
	if err := restored.Restore(s.AppendCheckpoint(nil)); err != nil {
		t.Fatal(err)
	}
	if got := restored.use[cpu].levels.halfLife; got != 7*24*3600 {
		t.Errorf("the half-life is %d s, want that of Percentile", got)
	}
}

// FuzzCheckpoint: whatever is read, there is no panic; an error leaves the State as it is; and what is accepted behaves: it
// recommends in order, takes samples, and survives another restart. Bytes are read as they are, and with a right checksum.
func FuzzCheckpoint(f *testing.F) {
	random := rand.New(rand.NewSource(1))
	for _, n := range []int{0, 1, 50, 3000} {
		f.Add(randomState(random, DefaultPercentile(), n).AppendCheckpoint(nil))
	}
	f.Add(steps(28, weekdays).AppendCheckpoint(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, checkpoint := range [][]byte{data, resealed(data)} {
			known := New(DefaultPeak())
			known.Add(begin, reading("a", 0, 500, 500*mib))
			known.OOM(begin, begin, size.GiB)
			before := known.AppendCheckpoint(nil)
			if err := known.Restore(checkpoint); err != nil && !slices.Equal(before, known.AppendCheckpoint(nil)) {
				t.Fatalf("refused (%v), and the state changed", err)
			}
			s := New(DefaultPercentile())
			if s.Restore(checkpoint) != nil {
				continue
			}
			for _, a := range algorithms() {
				got := s.Recommend(begin, a, Bounds{})
				for r := range resources {
					if l, m, h := r.of(got.Lower).Or(0), r.of(got.Target).Or(0), r.of(got.Upper).Or(0); l > m || m > h || l < 0 {
						t.Fatalf("%s: %s: %d, %d, %d", a.Name(), r, l, m, h)
					}
				}
			}
			again := New(DefaultPercentile())
			if err := again.Restore(s.AppendCheckpoint(nil)); err != nil {
				t.Fatalf("what was restored cannot be saved and restored: %v", err)
			}
			now := s.Last().Or(begin).Add(time.Minute)
			s.Add(now, Sample{At: now, Replica: "a", CPU: size.Of(1.0), Memory: size.Of(1.0 * mib)})
			s.Recommend(now, Auto{Kind: KindOther}, Bounds{})
		}
	})
}

// FuzzSample: whatever comes in, there is no panic, what is refused changes nothing, memory stays bounded, and the State
// survives a restart.
func FuzzSample(f *testing.F) {
	f.Add(int64(0), 1.0, 1e6, "a", int64(0), int64(1), int64(1<<30))
	f.Add(int64(1<<40), math.NaN(), math.Inf(1), "", int64(-5), int64(-1), int64(-1))
	f.Add(int64(-700*3600), -1.0, 0.0, "b", int64(1<<62), int64(1<<60), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, offset int64, cpuValue, memoryValue float64, replica string, started, killed, held int64) {
		s := New(DefaultPercentile())
		now := after(3000)
		for m := 2900; m < 3000; m++ {
			s.Add(after(m), reading("a", m, 100, 100*mib))
		}
		before := s.Recommend(now, DefaultPeak(), Bounds{})
		x := Sample{At: time.Unix(now.Unix()+offset, 0), Replica: replica, Started: size.Of(time.Unix(started, 0)), CPU: size.Of(cpuValue), Memory: size.Of(memoryValue)}
		for range 2 {
			v := s.Add(now, x)
			s.OOM(now, time.Unix(killed, 0), size.Bytes(held))
			got := s.Recommend(now, DefaultPeak(), Bounds{})
			if got.Target.CPU.Or(0) < before.Target.CPU.Or(0) || got.Target.Memory.Or(0) < before.Target.Memory.Or(0) {
				t.Fatalf("%+v, %+v: %s, before %s", x, v, got.Target, before.Target)
			}
			if v.CPU.Rejected() && got.Target.CPU != before.Target.CPU {
				t.Fatalf("%s CPU, and the target went from %s to %s", v.CPU, before.Target.CPU, got.Target.CPU)
			}
		}
		for _, a := range algorithms() {
			want := s.Recommend(now, a, Bounds{})
			restored := New(DefaultPercentile())
			if err := restored.Restore(s.AppendCheckpoint(nil)); err != nil {
				t.Fatalf("restart: %v", err)
			}
			if got := restored.Recommend(now, a, Bounds{}); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("restart: %v, before %v", got, want)
			}
		}
	})
}
