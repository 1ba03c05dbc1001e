package recommender

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	applyv1alpha1 "github.com/metapilot/metapilot/apis/v1alpha1/applyconfiguration/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/fleet"
	"github.com/metapilot/metapilot/profiles"
	"github.com/metapilot/metapilot/profiles/sources"
	"github.com/metapilot/metapilot/size"
)

// plain is a fleet of StatefulSets of one pod each, whose usage has a daily wave and noise. It is the
// source, the fleet and the client of a recommender, and counts what is written; no API server is asked.
type plain struct {
	client.Client
	n                     int
	clock                 *testingclock.FakeClock
	random                *rand.Rand
	statuses, checkpoints atomic.Int64
	bytes                 atomic.Int64
}

func (*plain) Name() string { return "plain" }

func (p *plain) Read(_ context.Context, yield func(sources.Sample)) (sources.Report, error) {
	at := p.clock.Now()
	day := 2 * math.Pi * float64(at.Unix()%86400) / 86400
	for i := range p.n {
		scale := 1 + float64(i%17)
		wave := 1 + 0.4*math.Sin(day+float64(i%5)) + 0.1*p.random.NormFloat64()
		yield(sources.Sample{Namespace: fmt.Sprintf("tenant-%05d", i/4), Container: "main", Sample: profiles.Sample{
			Replica: fmt.Sprintf("w%d-0", i%4), At: at,
			CPU: size.Of(max(50*scale*wave, 1)), Memory: size.Of(200 * mib * scale * (1 + 0.1*wave)),
		}})
	}
	return sources.Report{}, nil
}

func (p *plain) Pods(_ context.Context, namespace string, _ labels.Selector) ([]corev1.Pod, error) {
	var out []corev1.Pod
	for i := range 4 {
		set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("w%d", i), UID: "set"}}
		out = append(out, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("w%d-0", i),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))}}})
	}
	return out, nil
}

func (p *plain) WorkloadOf(_ context.Context, pod metav1.Object) (fleet.Workload, bool, error) {
	return fleet.Workload{Kind: v1alpha1.TargetStatefulSet, Namespace: pod.GetNamespace(), Name: metav1.GetControllerOf(pod).Name}, true, nil
}

func (*plain) Deployment(context.Context, string, string) (*appsv1.Deployment, error) {
	return nil, apierrors.NewNotFound(appsv1.Resource("deployments"), "")
}

func (*plain) StatefulSet(context.Context, string, string) (*appsv1.StatefulSet, error) {
	return nil, apierrors.NewNotFound(appsv1.Resource("statefulsets"), "")
}

func (p *plain) Status() client.SubResourceWriter { return &counter{plain: p} }

type counter struct {
	client.SubResourceWriter
	plain *plain
}

func (c *counter) Apply(_ context.Context, o runtime.ApplyConfiguration, _ ...client.SubResourceApplyOption) error {
	status := o.(*applyv1alpha1.WorkloadProfileApplyConfiguration).Status
	if status.Checkpoint == nil {
		c.plain.statuses.Add(1)
		return nil
	}
	c.plain.checkpoints.Add(1)
	for _, container := range status.Checkpoint.Containers {
		c.plain.bytes.Add(int64(len(container.Data)))
	}
	return nil
}

// newPlain makes n profiles that have measured for a number of minutes.
func newPlain(b *testing.B, n, minutes int) (*plain, *Recommender) {
	b.Helper()
	p := &plain{n: n, clock: testingclock.NewFakeClock(time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)), random: rand.New(rand.NewPCG(1, 2))}
	r := &Recommender{Client: p, Source: p, Fleet: p, Managed: func(string) bool { return true }, Clock: p.clock, Log: logr.Discard(),
		Metrics: prometheus.NewRegistry(), Interval: time.Minute, Timeout: time.Minute, CheckpointInterval: time.Hour,
		StaleAfter: 10 * time.Minute, TolerancePercent: 5, WritesPerSecond: 1 << 20}
	if err := r.Prepare(); err != nil {
		b.Fatal(err)
	}
	r.started = true
	for i := range n {
		name := fmt.Sprintf("w%d", i%4)
		h := fnv.New64a()
		fmt.Fprint(h, i)
		profile := &v1alpha1.WorkloadProfile{
			ObjectMeta: metav1.ObjectMeta{Namespace: fmt.Sprintf("tenant-%05d", i/4), Name: name, UID: types.UID(fmt.Sprintf("%x", h.Sum64())), Generation: 1},
			Spec:       v1alpha1.WorkloadProfileSpec{Target: v1alpha1.TargetOf(v1alpha1.TargetStatefulSet, name)},
		}
		r.ProfileSeen(profile)
	}
	for range minutes {
		once(b, p, r)
	}
	return p, r
}

func once(b *testing.B, p *plain, r *Recommender) {
	if err := r.Once(b.Context()); err != nil {
		b.Fatal(err)
	}
	p.clock.Step(time.Minute)
}

// BenchmarkWrites counts what is written to a fleet's profiles in a day, after nine days; an iteration is a day. The counts are
// given for 40,000 profiles.
func BenchmarkWrites(b *testing.B) {
	const n = 400
	p, r := newPlain(b, n, 9*24*60)
	p.statuses.Store(0)
	p.checkpoints.Store(0)
	p.bytes.Store(0)
	b.ResetTimer()
	days := 0
	for b.Loop() {
		days++
		for range 24 * 60 {
			once(b, p, r)
		}
	}
	hours := float64(24*days) * n / 40_000
	b.ReportMetric(float64(p.statuses.Load())/hours, "statuses/h/40k")
	b.ReportMetric(float64(p.checkpoints.Load())/hours, "checkpoints/h/40k")
	b.ReportMetric(float64(p.bytes.Load())/float64(p.checkpoints.Load()), "bytes/checkpoint")
}

// BenchmarkRound measures one round over 4,000 profiles: measure, size a fifth of them, write.
func BenchmarkRound(b *testing.B) {
	const n = 4000
	p, r := newPlain(b, n, 24*60)
	b.ResetTimer()
	for b.Loop() {
		once(b, p, r)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/profile")
}
