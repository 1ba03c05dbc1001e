package actuate_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/actuate"
)

// dying is a client whose process dies with a write: right before it, or right after it was carried out.
type dying struct {
	client.Client
	mu     sync.Mutex
	writes int // so far
}

var errDead = fmt.Errorf("the process is dead")

// newDying makes a client that dies with the n-th write, counted from 1; 0 lives on and only counts.
func newDying(n int, afterwards bool) *dying {
	d := &dying{}
	guard := func(write func() error) error {
		d.mu.Lock()
		d.writes++
		mine := d.writes
		d.mu.Unlock()
		switch {
		case n == 0 || mine < n:
			return write()
		case mine == n && afterwards:
			if err := write(); err != nil {
				return err
			}
		}
		return errDead
	}
	d.Client = interceptor.NewClient(cl, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			return guard(func() error { return c.Patch(ctx, obj, patch, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			return guard(func() error { return c.SubResource(sub).Patch(ctx, obj, patch, opts...) })
		},
	})
	return d
}

// untilDeath advances until the client dies.
func (w *world) untilDeath(ctx context.Context, d *dying) {
	GinkgoHelper()
	a := newActuator(d)
	Eventually(func() error {
		_, err := w.advance(ctx, a)
		if err == nil && w.record.Status.Phase == v1alpha1.PhaseWatching {
			return StopTrying("it was done before the client died")
		}
		return err
	}).WithContext(ctx).Should(MatchError(errDead))
}

// writesOf counts the writes of a change that nothing disturbs.
func writesOf(ctx context.Context, kind v1alpha1.TargetKind) int {
	GinkgoHelper()
	w, d := newWorld(ctx, kind), newDying(0, false)
	w.until(ctx, newActuator(d), v1alpha1.PhaseWatching)
	return d.writes
}

// recovered calls Recover until nothing is left to do.
func (w *world) recovered(ctx context.Context) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		r, err := newActuator(cl).Recover(ctx, w.ns, w.record.Spec.Target)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.RequeueAfter).To(BeZero(), r.Message)
	}).WithContext(ctx).Should(Succeed())
}

// everyDeath runs a test for every write of a change with which the process can die.
func everyDeath(ctx context.Context, kind v1alpha1.TargetKind, run func(w *world, where string)) {
	GinkgoHelper()
	writes := writesOf(ctx, kind)
	Expect(writes).To(BeNumerically(">=", 6), "three resizes and at least three more writes")
	deaths := 0
	for n := 1; n <= writes; n++ {
		for _, afterwards := range []bool{false, true} {
			where := fmt.Sprintf("write %d of %d, carried out: %t", n, writes, afterwards)
			By(where)
			w := newWorld(ctx, kind)
			w.untilDeath(ctx, newDying(n, afterwards))
			run(w, where)
			deaths++
		}
	}
	GinkgoWriter.Printf("%s: %d deaths\n", kind, deaths)
}

var _ = Describe("dying with any write", func() {
	DescribeTable("is finished by the next one, without a restart",
		append([]any{func(ctx SpecContext, kind v1alpha1.TargetKind) {
			everyDeath(ctx, kind, func(w *world, _ string) {
				w.until(ctx, newActuator(cl), v1alpha1.PhaseWatching)
				w.convergedQuietly(ctx, after)
			})
		}}, kinds...)...)

	DescribeTable("leaves nothing behind when the record is gone as well",
		append([]any{func(ctx SpecContext, kind v1alpha1.TargetKind) {
			everyDeath(ctx, kind, func(w *world, where string) {
				begun := actuate.Converging(w.get(ctx))
				w.recovered(ctx)
				Eventually(func(g Gomega) {
					w.untouched(ctx, g)
					w.samePods(ctx, g)
				}).WithContext(ctx).Should(Succeed(), where)
				if kind == v1alpha1.TargetDeployment {
					Expect(w.replicaSets(ctx)).To(HaveLen(1))
				}
				if begun {
					Eventually(func(g Gomega) { sized(g, &w.template(ctx).Spec, after) }).WithContext(ctx).Should(Succeed())
				}
			})
		}}, kinds...)...)

	DescribeTable("is taken over by a later record that wants another size",
		append([]any{func(ctx SpecContext, kind v1alpha1.TargetKind) {
			larger := amount{"200m", "1Gi", "2Gi"}
			everyDeath(ctx, kind, func(w *world, _ string) {
				w.record = w.newRecord("r2", after, larger)
				// The workload was created within the same second; what a field manager wrote is known to the second only.
				w.record.Spec.DecidedAt = metav1.NewMicroTime(time.Now().Add(time.Second))
				w.until(ctx, newActuator(cl), v1alpha1.PhaseWatching)
				w.convergedQuietly(ctx, larger)
			})
		}}, kinds...)...)

	It("is found by the label, everywhere", func(ctx SpecContext) {
		w := newWorld(ctx, v1alpha1.TargetStatefulSet)
		w.untilDeath(ctx, newDying(5, false))
		Expect(newActuator(cl).Unfinished(ctx)).To(ContainElement(actuate.Unfinished{Namespace: w.ns, Kind: w.kind, Name: name}))
		w.recovered(ctx)
		Expect(newActuator(cl).Unfinished(ctx, client.InNamespace(w.ns))).To(BeEmpty())
	})
})
