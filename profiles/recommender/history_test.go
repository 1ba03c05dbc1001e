package recommender

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/size"
)

// archive is the history of worlds, a day in one chunk. It keeps what it was asked for.
type archive struct {
	worlds []*world
	asked  []sources.Cursor
	// fails, where set, is asked first.
	fails func(at sources.Cursor) error
}

func (h *archive) Next(_ context.Context, at sources.Cursor, yield func(sources.Sample)) (sources.Cursor, sources.Report, error) {
	h.asked = append(h.asked, at)
	if h.fails != nil {
		if err := h.fails(at); err != nil {
			return at, sources.Report{}, err
		}
	}
	for end := at.Next.Add(24 * time.Hour); at.Next.Before(end) && !at.Done(); at.Next = at.Next.Add(5 * time.Minute) {
		for _, w := range h.worlds {
			w.at(at.Next, yield)
		}
	}
	return at, sources.Report{}, nil
}

// withHistory is a tenant whose recommender has read the history of the start.
func withHistory(ctx context.Context) (*world, *archive) {
	GinkgoHelper()
	w := newWorld(ctx, nil)
	h := &archive{worlds: []*world{w}}
	w.r.Managed = func(ns string) bool {
		return slices.ContainsFunc(h.worlds, func(w *world) bool { return w.ns == ns }) || strings.HasPrefix(ns, "late")
	}
	w.r.History, w.r.HistorySpan = h, 14*24*time.Hour
	Expect(w.r.readHistory(ctx)).To(BeTrue())
	w.live(ctx, 10*time.Minute)
	Expect(h.asked).To(HaveLen(14))
	h.asked = nil
	return w, h
}

// joins brings the tenant of a world to the recommender of another one.
func (w *world) joins(other *world, h *archive) {
	h.worlds = append(h.worlds, w)
	w.clock, w.r, other.r.Source = other.clock, other.r, both{other, w}
}

// history is the condition HistoryRead as it was written.
func (w *world) history(ctx context.Context) metav1.Condition {
	GinkgoHelper()
	c := meta.FindStatusCondition(w.profile(ctx).Status.Conditions, v1alpha1.ConditionHistoryRead)
	if c == nil {
		return metav1.Condition{}
	}
	return *c
}

func namespaces(from, to int) (names []string) {
	for i := from; i < to; i++ {
		names = append(names, fmt.Sprintf("late-%03d", i))
	}
	return names
}

// valueOf reads a metric.
func valueOf(of prometheus.Metric) float64 {
	GinkgoHelper()
	var m dto.Metric
	Expect(of.Write(&m)).To(Succeed())
	if m.Gauge != nil {
		return m.GetGauge().GetValue()
	}
	return m.GetCounter().GetValue()
}

// see lets the recommender see a profile in each of the namespaces.
func (w *world) see(names ...string) {
	for _, name := range names {
		w.r.ProfileSeen(&v1alpha1.WorkloadProfile{
			ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "etcd", UID: types.UID(name)},
			Spec:       v1alpha1.WorkloadProfileSpec{Target: v1alpha1.TargetOf(v1alpha1.TargetStatefulSet, "etcd")},
		})
	}
}

var _ = Describe("the history of a profile that comes later", func() {
	It("is read before it is measured, and the profile says so", func(ctx SpecContext) {
		a, h := withHistory(ctx)
		Expect(a.history(ctx)).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Reason", reasonRead)))
		before := *a.sizes(ctx).Samples
		b := newWorld(ctx, nil)
		b.joins(a, h)
		b.r.ProfileSeen(b.profile(ctx))
		Expect(b.r.Once(ctx)).To(Succeed())

		Expect(h.asked).To(HaveLen(14))
		Expect(h.asked[0]).To(And(HaveField("Namespaces", []string{b.ns}), HaveField("From", a.clock.Now().UTC().Add(-14*24*time.Hour))))
		c := b.sizes(ctx)
		// Two members, CPU and memory, every five minutes; and nothing of what was measured before that.
		Expect(*c.Samples).To(BeEquivalentTo(2 * 2 * 14 * 24 * 12))
		Expect(*c.RejectedSamples).To(BeZero())
		Expect(*c.ConfidencePercent).To(BeEquivalentTo(100))
		condition := b.history(ctx)
		Expect(condition.Status).To(Equal(metav1.ConditionTrue))
		Expect(condition.Message).To(HavePrefix("what both knew from " + h.asked[0].From.Format(time.RFC3339) + " to "))
		Expect(*a.sizes(ctx).Samples-before).To(BeEquivalentTo(2*2), "another tenant's history is not read again")

		b.clock.Step(time.Minute)
		Expect(b.r.Once(ctx)).To(Succeed())
		Expect(h.asked).To(HaveLen(14))
		Expect(*b.sizes(ctx).Samples).To(BeEquivalentTo(2*2*14*24*12 + 2*2))
	})

	It("is read together with that of others, however many there are", func(ctx SpecContext) {
		a, h := withHistory(ctx)
		var begun []sources.Cursor
		h.fails = func(at sources.Cursor) error {
			if at.Next.Equal(at.From) {
				begun = append(begun, at)
			}
			return nil
		}
		a.see(namespaces(0, 3)...)
		Expect(a.r.Once(ctx)).To(Succeed())
		Expect(begun).To(HaveLen(1))
		Expect(begun[0].Namespaces).To(Equal(namespaces(0, 3)))
		a.see(namespaces(3, 60)...)
		a.live(ctx, 2*time.Minute)
		a.see(namespaces(60, 90)...)
		a.live(ctx, 2*time.Minute)
		Expect(begun).To(HaveLen(1), "not before it is time")
		Expect(valueOf(a.r.metrics.unread)).To(BeEquivalentTo(87))
		a.live(ctx, 2*time.Minute)
		Expect(begun).To(HaveLen(2))
		Expect(begun[1].Namespaces).To(Equal(namespaces(3, 90)))
		Expect(valueOf(a.r.metrics.unread)).To(BeZero())

		a.see(namespaces(100, 100+lateNamespaces+1)...)
		a.live(ctx, 6*time.Minute)
		Expect(begun).To(HaveLen(3))
		Expect(begun[2].Namespaces).To(BeEmpty(), "of so many all is asked for")
		a.live(ctx, time.Hour)
		Expect(begun).To(HaveLen(3), "each is asked for once")
	})

	It("is asked for where its tenant is managed later", func(ctx SpecContext) {
		a, h := withHistory(ctx)
		b := newWorld(ctx, nil)
		b.joins(a, h)
		managed := false
		a.r.Managed = func(ns string) bool { return ns == a.ns || managed }
		b.r.ProfileSeen(b.profile(ctx))
		a.live(ctx, 10*time.Minute)
		Expect(h.asked).To(BeEmpty())
		managed = true
		a.live(ctx, time.Minute)
		Expect(*b.sizes(ctx).Samples).To(BeNumerically(">", 2*2*14*24*12-10))
	})

	It("is given up when it does not get on, and the profile is measured all the same", func(ctx SpecContext) {
		a, h := withHistory(ctx)
		b := newWorld(ctx, nil)
		b.joins(a, h)
		h.fails = func(at sources.Cursor) error {
			if len(h.asked) > 2 {
				return fmt.Errorf("too many samples")
			}
			return nil
		}
		b.r.ProfileSeen(b.profile(ctx))
		Expect(a.r.Once(ctx)).To(MatchError("reading the history of 1 profiles that came later: too many samples"))
		Expect(b.history(ctx)).To(And(HaveField("Reason", reasonReading), HaveField("Status", metav1.ConditionFalse),
			HaveField("Message", HavePrefix("14% of what both knows from "))))
		before := *a.sizes(ctx).Samples
		for end := a.clock.Now().Add(lateStuck + time.Minute); a.clock.Now().Before(end); a.clock.Step(time.Minute) {
			_ = a.r.Once(ctx) // fails as above
		}
		Expect(*a.sizes(ctx).Samples-before).To(BeEquivalentTo(2*2*16), "the others are measured meanwhile")
		Expect(a.r.Once(ctx)).To(Succeed())
		Expect(*b.sizes(ctx).Samples).To(BeNumerically(">", 2*2*2*24*12))
		a.live(ctx, time.Hour)
		Expect(b.history(ctx)).To(And(HaveField("Reason", reasonPartly), HaveField("Status", metav1.ConditionFalse)))
	})

	It("is asked for before measuring where the source is not asked afterwards any more", func(ctx SpecContext) {
		a, h := withHistory(ctx)
		a.see("late")
		left := 0
		h.fails = func(sources.Cursor) error {
			if left == 0 {
				return fmt.Errorf("%w: its queries are used up", sources.ErrHeld)
			}
			left--
			return nil
		}
		Expect(a.r.Once(ctx)).To(Succeed())
		Expect(a.r.historyFirst()).To(BeTrue())
		left = 3
		Expect(a.r.Once(ctx)).To(Succeed())
		Expect(a.r.reading.cursor.Percent()).To(BeEquivalentTo(3 * 100 / 14))
	})
})

var _ = Describe("the progress of history", func() {
	It("is shown by the profiles with what was read, and goes on after a restart", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		held := true
		h := &archive{worlds: []*world{w}}
		h.fails = func(sources.Cursor) error {
			if held && len(h.asked) > 7 {
				return sources.ErrHeld
			}
			return nil
		}
		start := func() (stop func()) {
			w.r.History, w.r.HistorySpan = h, 14*24*time.Hour
			running, cancel := context.WithCancel(ctx)
			done := make(chan error, 1)
			go func() { done <- w.r.Start(running) }()
			return func() {
				GinkgoHelper()
				cancel()
				Eventually(done).Should(Receive(BeNil()))
			}
		}
		stop := start()
		Eventually(w.clock.HasWaiters).Should(BeTrue())
		w.clock.Step(historySave) // it waits to ask again
		Eventually(func() metav1.Condition { return w.history(ctx) }).Should(And(HaveField("Reason", reasonReading),
			HaveField("Message", HavePrefix("50% of what world knows from "))))
		stop()

		held = false
		w.restart(ctx)
		stop = start()
		Eventually(func() int { w.r.mu.Lock(); defer w.r.mu.Unlock(); return w.asked }).Should(Equal(1))
		stop()
		Expect(w.history(ctx)).To(And(HaveField("Reason", reasonRead), HaveField("Status", metav1.ConditionTrue)))
		Expect(*w.sizes(ctx).Samples).To(BeNumerically(">", 2*2*14*24*12-10))
		w.live(ctx, turns*time.Minute)
		Expect(w.profile(ctx).Status.Conditions).To(HaveLen(2), "the parts of the status leave each other alone")
	})

	It("is none where the source has no past", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		w.live(ctx, 2*time.Minute)
		Expect(w.history(ctx)).To(And(HaveField("Reason", reasonNoSource),
			HaveField("Message", "world gives no history: what is known begins with the first measurement")))
	})
})

var _ = Describe("a sample of a pod without a workload", func() {
	It("is counted by the values that it has", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		for _, s := range []profiles.Sample{{CPU: size.Of(1.0), Memory: size.Of(1.0)}, {Memory: size.Of(1.0)}} {
			s.Replica, s.At = "nobody", w.clock.Now()
			Expect(w.r.take(ctx, sources.Sample{Namespace: w.ns, Container: "etcd", Sample: s}, w.r.measured)).To(Succeed())
		}
		Expect(valueOf(w.r.metrics.samples.WithLabelValues("cpu", resultNobodys))).To(BeEquivalentTo(1))
		Expect(valueOf(w.r.metrics.samples.WithLabelValues("memory", resultNobodys))).To(BeEquivalentTo(2))
	})
})
