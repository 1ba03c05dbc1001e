package recommender

import (
	"context"
	"errors"
	"math"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/profiles/sources"
)

var algorithms = map[string]*v1alpha1.Algorithm{
	"the default":  nil,
	"VPA":          {Type: v1alpha1.AlgorithmVPA},
	"Percentile":   {Type: v1alpha1.AlgorithmPercentile},
	"Peak":         {Type: v1alpha1.AlgorithmPeak},
	"MovingWindow": {Type: v1alpha1.AlgorithmMovingWindow},
	"Seasonal":     {Type: v1alpha1.AlgorithmSeasonal},
}

// counting counts the writes to the status of profiles.
func counting(n *int) client.WithWatch {
	return interceptor.NewClient(cl, interceptor.Funcs{SubResourceApply: countApply(n)})
}

var _ = Describe("a profile", func() {
	It("is filled from what was measured", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		w.usage = func(pod string, _ time.Time) (float64, float64) {
			if pod == "etcd-1" {
				return 400, 300 * mib
			}
			return 100, 200 * mib
		}
		w.live(ctx, 26*time.Hour)
		p := w.profile(ctx)
		Expect(p.Status.Containers).To(HaveLen(1))
		c := p.Status.Containers[0]
		Expect(c.Name).To(Equal("etcd"))
		Expect(c.Algorithm).To(Equal("Auto"))
		Expect(c.Peak.Memory.Value()).To(BeNumerically("~", 300*mib, 300*mib*0.06), "that of the hot replica")
		Expect(c.Peak.CPU.MilliValue()).To(BeNumerically("~", 400, 24))
		Expect(c.Target.Memory.Value()).To(BeNumerically(">", 300*mib))
		Expect(c.HotReplica).To(Equal("etcd-1"))
		Expect(meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionSignalsFresh)).To(BeTrue())
		Expect(p.Status.Checkpoint).NotTo(BeNil())
		Expect(w.asked).To(Equal(26*60), "one question a round, for the whole fleet")
	})

	It("is not written while nothing moves", func(ctx SpecContext) {
		w := newWorld(ctx, &v1alpha1.Algorithm{Type: v1alpha1.AlgorithmPeak})
		w.live(ctx, 7*24*time.Hour+2*time.Hour)
		var writes int
		w.r.Client = counting(&writes)
		w.live(ctx, 12*time.Hour)
		Expect(writes).To(BeNumerically("<=", 13), "a checkpoint an hour and nothing else")
		Expect(writes).To(BeNumerically(">=", 11))
	})

	It("keeps its sizes when there is no data, and says so", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		w.live(ctx, 2*time.Hour)
		before := w.sizes(ctx)
		w.usage = func(string, time.Time) (float64, float64) { return math.NaN(), math.Inf(1) }
		w.live(ctx, time.Hour)
		p := w.profile(ctx)
		now := w.sizes(ctx)
		Expect(asJSON(now.Target)).To(MatchJSON(asJSON(before.Target)))
		Expect(*now.RejectedSamples).To(BeEquivalentTo(4 * 60))
		fresh := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionSignalsFresh)
		Expect(fresh.Status).To(Equal(metav1.ConditionFalse))
		Expect(fresh.Reason).To(Equal(reasonStale))
		Expect(fresh.Message).To(HaveSuffix("the sizes stay as they are"))

		w.usage = func(string, time.Time) (float64, float64) { return 100, 200 * mib }
		w.live(ctx, 10*time.Minute)
		Expect(meta.IsStatusConditionTrue(w.profile(ctx).Status.Conditions, v1alpha1.ConditionSignalsFresh)).To(BeTrue())
	})

	It("goes on when the source fails, and takes what it gave before", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		w.fails = errors.New("the source went away")
		Expect(w.r.Once(ctx)).To(MatchError(ContainSubstring("the source went away")))
		Expect(*w.sizes(ctx).Samples).To(BeEquivalentTo(4))
	})

	for name, a := range algorithms {
		It("says the same before and after a restart in the middle of an hour and after a kill, with "+name, func(ctx SpecContext) {
			w := newWorld(ctx, a)
			w.usage = func(_ string, at time.Time) (float64, float64) {
				return 100 + 50*math.Sin(float64(at.Unix())/7000), (200 + 100*math.Sin(float64(at.Unix())/9000)) * mib
			}
			w.live(ctx, 30*time.Hour+17*time.Minute)
			w.kill(ctx, "etcd-0")
			w.live(ctx, 2*time.Minute)
			before := w.sizes(ctx)
			Expect(before.OOMMemory.String()).To(Equal("512Mi"))
			Expect(w.r.Flush(ctx)).To(Succeed())
			w.restart(ctx)
			Expect(asJSON(w.sizes(ctx))).To(MatchJSON(asJSON(before)))
		})
	}

	It("has a kill in its checkpoint within two minutes, and in its status at once", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		w.live(ctx, 90*time.Minute)
		w.kill(ctx, "etcd-0")
		w.live(ctx, time.Minute)
		Expect(w.profile(ctx).Status.Containers[0].OOMMemory.String()).To(Equal("512Mi"))
		w.live(ctx, time.Minute)
		w.restart(ctx) // without a last word
		Expect(w.sizes(ctx).OOMMemory.String()).To(Equal("512Mi"))
	})

	It("is not taken for killed again by a pod that still shows the kill", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		w.live(ctx, 10*time.Minute)
		w.kill(ctx, "etcd-0")
		w.live(ctx, 5*time.Minute)
		e := w.r.memory.byKey[types.NamespacedName{Namespace: w.ns, Name: "statefulset-etcd"}]
		Expect(w.r.PodSeen(ctx, w.pod(ctx, "etcd-0"))).To(Succeed())
		Expect(e.urgent).To(BeFalse())
		Expect(e.containers["etcd"].state.Counts().Kills).To(BeEquivalentTo(1))
	})

	It("that is deleted and made anew loses nothing", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		w.live(ctx, 3*time.Hour)
		before := w.sizes(ctx)
		old := w.profile(ctx)
		Expect(cl.Delete(ctx, old)).To(Succeed())
		fresh := old.DeepCopy()
		fresh.ObjectMeta = metav1.ObjectMeta{Namespace: old.Namespace, Name: old.Name, Labels: old.Labels}
		fresh.Status = v1alpha1.WorkloadProfileStatus{}
		Expect(cl.Create(ctx, fresh)).To(Succeed())
		w.r.ProfileSeen(fresh)
		w.live(ctx, 2*time.Minute)
		Expect(w.profile(ctx).Status.Checkpoint).NotTo(BeNil())
		w.restart(ctx)
		Expect(w.sizes(ctx).Peak).To(Equal(before.Peak))
		Expect(*w.sizes(ctx).Samples).To(BeNumerically(">=", *before.Samples))
	})

	It("follows its component to another workload with all it knows", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		w.live(ctx, 3*time.Hour)
		before := w.sizes(ctx)
		p := w.profile(ctx)
		p.Spec.Target.Name = "etcd-main"
		Expect(cl.Update(ctx, p)).To(Succeed())
		w.r.ProfileSeen(p)
		Expect(w.sizes(ctx).Peak).To(Equal(before.Peak))
		w.live(ctx, 5*time.Minute)
		Expect(*w.sizes(ctx).Samples).To(Equal(*before.Samples), "nothing of the old workload is added")
	})

	It("is sized by another algorithm as soon as it names one, with all it knows", func(ctx SpecContext) {
		w := newWorld(ctx, &v1alpha1.Algorithm{Type: v1alpha1.AlgorithmPeak})
		w.live(ctx, 3*time.Hour)
		before := w.sizes(ctx)
		for _, other := range []v1alpha1.AlgorithmType{v1alpha1.AlgorithmVPA, v1alpha1.AlgorithmPercentile} {
			p := w.profile(ctx)
			p.Spec.Algorithm = &v1alpha1.Algorithm{Type: other}
			Expect(cl.Update(ctx, p)).To(Succeed())
			w.r.ProfileSeen(p)
			w.live(ctx, 2*time.Minute)
			Expect(w.sizes(ctx).Algorithm).To(Equal(string(other)))
			Expect(asJSON(w.sizes(ctx).Peak)).To(MatchJSON(asJSON(before.Peak)))
		}
	})

	It("keeps to the bounds that the ClusterScaler sets, and shows what it would be without", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		w.r.ScalerSeen(&v1alpha1.ClusterScaler{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, UID: "scaler"}, Spec: v1alpha1.ClusterScalerSpec{
			Components: []v1alpha1.Component{{Name: "etcd", Target: v1alpha1.Target{Kind: v1alpha1.TargetStatefulSet, Name: "etcd", Container: "etcd"},
				Bounds: &v1alpha1.Bounds{Min: &v1alpha1.BoundAmounts{Memory: mustParse("1Gi")}}}}}})
		w.live(ctx, time.Hour)
		c := w.profile(ctx).Status.Containers[0]
		Expect(c.Target.Memory.String()).To(Equal("1Gi"))
		Expect(c.Uncapped.Memory.Value()).To(BeNumerically("<", 1<<30))
	})

	It("keeps a damaged checkpoint from doing harm, and writes a good one over it", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		w.live(ctx, 2*time.Hour)
		p := w.profile(ctx)
		p.Status.Checkpoint.Containers[0].Data = []byte("garbage")
		Expect(cl.Status().Update(ctx, p)).To(Succeed())
		w.restart(ctx)
		w.live(ctx, 2*time.Hour)
		w.restart(ctx)
		Expect(*w.sizes(ctx).Samples).To(BeNumerically(">", 100))
	})

	It("does not overwrite a checkpoint that knows more", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		w.live(ctx, 3*time.Hour)
		Expect(w.r.Flush(ctx)).To(Succeed())
		old := w.profile(ctx).Status.Checkpoint
		e := w.r.memory.byKey[types.NamespacedName{Namespace: w.ns, Name: "statefulset-etcd"}]
		e.containers["etcd"].state = newState()
		e.changed = true
		Expect(w.r.Flush(ctx)).To(MatchError(ContainSubstring("the checkpoint that is there knows more")))
		Expect(w.profile(ctx).Status.Checkpoint).To(Equal(old))
	})

	It("of what owns a workload counts the same pods", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		labels := map[string]string{"app": "etcd"}
		set := &appsv1.StatefulSet{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "etcd", OwnerReferences: []metav1.OwnerReference{
				{APIVersion: "druid.gardener.cloud/v1alpha1", Kind: "Etcd", Name: "etcd-main", UID: "druid", Controller: new(true)}}},
			Spec: appsv1.StatefulSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "etcd", Image: "example.com/etcd:1"}}}}},
		}
		Expect(cl.Create(ctx, set)).To(Succeed())
		owners := &v1alpha1.WorkloadProfile{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "of-the-owner"}, Spec: v1alpha1.WorkloadProfileSpec{
			Target: v1alpha1.WorkloadTarget{APIVersion: "druid.gardener.cloud/v1alpha1", Kind: "Etcd", Name: "etcd-main"}}}
		Expect(cl.Create(ctx, owners)).To(Succeed())
		w.restart(ctx)
		w.live(ctx, 10*time.Minute)
		Expect(cl.Get(ctx, client.ObjectKeyFromObject(owners), owners)).To(Succeed())
		Expect(owners.Status.Containers).To(HaveLen(1))
		Expect(asJSON(owners.Status.Containers[0].Peak)).To(MatchJSON(asJSON(w.profile(ctx).Status.Containers[0].Peak)))
	})

	It("of one tenant has nothing of another", func(ctx SpecContext) {
		a, b := newWorld(ctx, nil), newWorld(ctx, nil)
		a.usage = func(string, time.Time) (float64, float64) { return 1000, 1000 * mib }
		b.r.Managed = func(string) bool { return true }
		b.r.Source = both{a, b}
		b.live(ctx, time.Hour)
		Expect(b.sizes(ctx).Peak.Memory.Value()).To(BeNumerically("<", 250*mib))
	})
})

// past is a history of hours, one chunk each.
type past struct {
	w     *world
	fails int
}

func (h *past) Next(_ context.Context, at sources.Cursor, yield func(sources.Sample)) (sources.Cursor, sources.Report, error) {
	if h.fails > 0 {
		h.fails--
		return at, sources.Report{}, errors.New("too many requests")
	}
	for end := at.Next.Add(time.Hour); at.Next.Before(end); at.Next = at.Next.Add(time.Minute) {
		h.w.at(at.Next, yield)
	}
	return at, sources.Report{}, nil
}

var _ = Describe("history", func() {
	It("waits for the profiles of a new installation, which are being made just then", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		p := w.profile(ctx)
		Expect(cl.Delete(ctx, p)).To(Succeed())
		w.restart(ctx)
		w.r.History, w.r.HistorySpan = &past{w: w}, 24*time.Hour
		running, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- w.r.Start(running) }()
		Eventually(w.clock.HasWaiters).Should(BeTrue())
		p.ObjectMeta = metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name, Labels: p.Labels}
		Expect(cl.Create(ctx, p)).To(Succeed())
		w.r.ProfileSeen(p)
		w.clock.Step(time.Second)
		Eventually(func() int64 { return *w.sizes(ctx).Samples }).Should(BeNumerically(">", 2*2*24*60-10))
		stop()
		Eventually(done).Should(Receive(BeNil()))
	})

	It("is read before anything is measured, once, and only what was missed after a restart", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		run := func() (context.CancelFunc, chan error) {
			w.r.History, w.r.HistorySpan = &past{w: w, fails: 1}, 14*24*time.Hour
			running, stop := context.WithCancel(ctx)
			done := make(chan error, 1)
			go func() { done <- w.r.Start(running) }()
			Eventually(w.clock.HasWaiters).Should(BeTrue())
			w.clock.Step(historyRetry)
			return stop, done
		}
		stop, done := run()
		Eventually(func() int { w.r.mu.Lock(); defer w.r.mu.Unlock(); return w.asked }).Should(Equal(1))
		c := w.sizes(ctx)
		Expect(*c.Samples).To(BeNumerically(">", 2*2*14*24*60-10))
		Expect(*c.ConfidencePercent).To(BeEquivalentTo(100))
		stop()
		Eventually(done).Should(Receive(BeNil()))

		w.clock.Step(3 * time.Hour)
		w.restart(ctx)
		stop, done = run()
		Eventually(func() int64 { return *w.sizes(ctx).Samples }).Should(BeNumerically(">", *c.Samples+2*2*170))
		Expect(*w.sizes(ctx).Samples).To(BeNumerically("<", *c.Samples+2*2*260))
		stop()
		Eventually(done).Should(Receive(BeNil()))
	})
})

var _ = Describe("a manager", func() {
	It("that is asked to stop writes what it knows", func(ctx SpecContext) {
		w := newWorld(ctx, nil)
		running, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- w.r.Start(running) }()
		Eventually(w.clock.HasWaiters).Should(BeTrue())
		w.r.mu.Lock()
		for _, e := range w.r.memory.byKey {
			e.saved = w.clock.Now() // it is not its turn
			e.changed = true
		}
		w.r.mu.Unlock()
		stop()
		Eventually(done).Should(Receive(BeNil()))
		w.restart(ctx)
		Expect(*w.sizes(ctx).Samples).To(BeEquivalentTo(4))
	})
})
