package usage

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/metapilot/metapilot/size"
)

// world is a source that answers what the test says.
type world struct {
	mu     sync.Mutex
	answer []Reading
	err    error
	asked  int
}

func (w *world) read(_ context.Context, yield func(Reading)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	for _, r := range w.answer {
		yield(r)
	}
	return w.err
}

// then sets what it answers from now on, and gives how often it was asked until now.
func (w *world) then(err error) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := w.asked
	w.err, w.asked = err, 0
	return asked
}

func newCollector(t *testing.T, w *world, c clock.Clock, managed ...string) *Collector {
	t.Helper()
	collector, err := New(Options{
		Source: w.read, Interval: 15 * time.Second, Timeout: 10 * time.Second, PeakWindow: time.Hour,
		Managed: func(namespace string) bool {
			for _, m := range managed {
				if m == namespace {
					return true
				}
			}
			return false
		},
		Clock: c, Log: logr.Discard(), Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return collector
}

func etcdReading(namespace string, at time.Time, memory string) Reading {
	return Reading{Namespace: namespace, Pod: "etcd-0", Container: "etcd", MeasuredAt: at, CPU: "100m", Memory: memory}
}

func TestCollectorRemembersManagedNamespacesOnly(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon)
	w := &world{answer: []Reading{etcdReading("a", noon, "1Gi"), etcdReading("b", noon, "2Gi"), etcdReading("other", noon, "3Gi")}}
	c := newCollector(t, w, clock, "a", "b")
	if err := c.collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	for namespace, want := range map[string]size.Bytes{"a": size.GiB, "b": 2 * size.GiB, "other": 0} {
		got, ok := c.Lookup(namespace, "etcd-0", "etcd")
		if ok != (want != 0) || got.Memory.Or(0) != want {
			t.Errorf("%s: %v, %v; want %v: equal names in other namespaces are other containers", namespace, got, ok, want)
		}
	}
	c.Forget("a")
	if _, ok := c.Lookup("a", "etcd-0", "etcd"); ok {
		t.Error("a forgotten namespace is still known")
	}
	if got := valueOf(t, c.metrics.samples.WithLabelValues(string(ResultOK))); got != 2 {
		t.Errorf("%v samples are counted as ok, want 2", got)
	}
}

func TestEverythingBecomesStaleWhenTheSourceIsGone(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon)
	w := &world{answer: []Reading{etcdReading("a", noon.Add(-5*time.Second), "1Gi")}}
	c := newCollector(t, w, clock, "a")
	if _, err := c.Fresh(); err == nil || !strings.Contains(err.Error(), "no usage has been measured") {
		t.Errorf("fresh before the first answer: %v", err)
	}
	if err := c.collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if at, err := c.Fresh(); err != nil || !at.Equal(noon.Add(-5*time.Second)) {
		t.Errorf("Fresh = %v, %v; want the source's time", at, err)
	}

	w.answer, w.err = nil, errors.New("no endpoints for metrics-server")
	clock.Step(40 * time.Second)
	if err := c.collect(t.Context()); err == nil {
		t.Fatal("the failure was swallowed")
	}
	if _, ok := c.Lookup("a", "etcd-0", "etcd"); !ok {
		t.Error("45 seconds after it was measured a sample is not stale yet")
	}
	clock.Step(time.Second)
	if got, ok := c.Lookup("a", "etcd-0", "etcd"); ok {
		t.Errorf("stale, but Lookup gives %v", got)
	}
	if _, err := c.Fresh(); err == nil || !strings.Contains(err.Error(), "no endpoints for metrics-server") {
		t.Errorf("Fresh says %v, want why", err)
	}
	if got := c.Peak("a", []string{"etcd-0"}, "etcd").Memory.Or(0); got != size.GiB {
		t.Errorf("peak = %s, want 1Gi: the peak outlives the source", got)
	}
	clock.Step(2 * time.Hour)
	_ = c.collect(t.Context())
	if got := c.Peak("a", []string{"etcd-0"}, "etcd"); got != (size.Amounts{}) {
		t.Errorf("peak = %v after the window, want none", got)
	}
	if n := c.memory.containers(); n != 0 {
		t.Errorf("%d containers are remembered after the window, want 0", n)
	}
}

// An empty answer is not a fleet that uses nothing.
func TestAnEmptyAnswerChangesNothing(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon)
	w := &world{answer: []Reading{etcdReading("a", noon, "1Gi")}}
	c := newCollector(t, w, clock, "a")
	for range 2 {
		if err := c.collect(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.answer = []Reading{etcdReading("a", noon.Add(time.Second), "0"), {Namespace: "a", Pod: "etcd-1", Container: "etcd"}}
	}
	got, ok := c.Lookup("a", "etcd-0", "etcd")
	if !ok || got.Memory.Present() {
		t.Errorf("Lookup = %v, %v; want an unknown memory: 0 is not data", got, ok)
	}
	if got := c.Peak("a", []string{"etcd-0", "etcd-1"}, "etcd").Memory.Or(0); got != size.GiB {
		t.Errorf("peak = %s, want 1Gi", got)
	}
}

func TestBeforeGivesWhatWasUsedBeforeAKill(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon)
	w := &world{}
	c := newCollector(t, w, clock, "a")
	for i, memory := range []string{"1Gi", "3Gi", "100Mi"} { // killed between the second and the third
		w.answer = []Reading{etcdReading("a", noon.Add(time.Duration(15*i)*time.Second), memory)}
		clock.SetTime(noon.Add(time.Duration(15*i+1) * time.Second))
		if err := c.collect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		at   time.Time
		want string
	}{
		"before the kill, although a later one is known": {noon.Add(20 * time.Second), "3Gi"},
		"the last one":                  {noon.Add(time.Minute), "100Mi"},
		"older than what is remembered": {noon.Add(5 * time.Second), "none"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := c.Before("a", "etcd-0", "etcd", tc.at)
			if diff := cmp.Diff(tc.want, got.Memory.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPauseBacksOff(t *testing.T) {
	var got []time.Duration
	for _, failures := range []int{0, 1, 2, 5, 100} {
		got = append(got, pause(15*time.Second, failures))
	}
	want := []time.Duration{15 * time.Second, 30 * time.Second, time.Minute, maxBackoff, maxBackoff}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := pause(10*time.Minute, 3); got != 10*time.Minute {
		t.Errorf("pause = %s, want the interval where it is longer than the longest back-off", got)
	}
}

func TestStartAsksOnceAnIntervalAndBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{answer: []Reading{}}
		c := newCollector(t, w, clock.RealClock{}, "a")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Start(ctx) }()

		time.Sleep(5 * time.Minute) // in the bubble no time passes
		if asked := w.then(errors.New("away")); asked < 18 || asked > 21 {
			t.Errorf("asked %d times in five minutes, want about 20", asked)
		}
		time.Sleep(30 * time.Minute)
		if asked := w.then(nil); asked < 7 || asked > 12 {
			t.Errorf("asked %d times in half an hour of failures, want about 10", asked)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Start ended with %v, want nil", err)
		}
	})
}

func TestManagersOfOneProcessShareMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	first, err := newMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	second, err := newMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	second.containers.Set(7)
	if got := valueOf(t, first.containers); got != 7 {
		t.Errorf("the first one's gauge is %v, want 7", got)
	}
}

func valueOf(t *testing.T, m prometheus.Metric) float64 {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.GetCounter().GetValue() + out.GetGauge().GetValue()
}
