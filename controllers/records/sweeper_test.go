package records_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/records"
	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/sandbox"
)

var cl client.WithWatch

func TestRecords(t *testing.T) {
	RegisterFailHandler(Fail)
	EnforceDefaultTimeoutsWhenUsingContexts()
	SetDefaultEventuallyTimeout(20 * time.Second)
	RunSpecs(t, "records")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	box, err := sandbox.Start(ctx, sandbox.Options{Progress: os.Stderr})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(box.Stop()).To(Succeed()) })
	cl, err = installation.API(ctx, box.RESTConfig())
	Expect(err).NotTo(HaveOccurred())
})

func write(ctx context.Context, namespace, name string) *v1alpha1.ScalingRecord {
	GinkgoHelper()
	amounts := v1alpha1.Size{Requests: &v1alpha1.ResourceAmounts{Memory: new(resource.MustParse("1Gi"))}}
	r := &v1alpha1.ScalingRecord{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.ScalingRecordSpec{
			Scaler: "control-plane", ScalerUID: "uid", Component: "etcd", Mode: v1alpha1.ModeDryRun,
			Target:  v1alpha1.Target{Kind: v1alpha1.TargetStatefulSet, Name: "etcd", Container: "etcd"},
			Verdict: decision.VerdictScaleUp, Reason: decision.ReasonBelowMinimum, Message: "it is too small",
			Trigger: v1alpha1.RecordTrigger{Type: v1alpha1.RecordTriggerMinimumSize},
			From:    amounts, To: amounts, DecidedAt: metav1.NowMicro(),
		},
	}
	Expect(cl.Create(ctx, r)).To(Succeed())
	return r
}

func names(ctx context.Context) []string {
	GinkgoHelper()
	var list v1alpha1.ScalingRecordList
	Expect(cl.List(ctx, &list)).To(Succeed())
	var out []string
	for _, r := range list.Items {
		out = append(out, r.Name)
	}
	return out
}

var _ = Describe("records", func() {
	It("go when they are too old, whoever wrote them, but not those in use", func(ctx SpecContext) {
		for _, ns := range []string{"a", "b"} {
			Expect(cl.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})).To(Succeed())
		}
		scaler := &v1alpha1.ClusterScaler{
			ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "control-plane"},
			Spec: v1alpha1.ClusterScalerSpec{Components: []v1alpha1.Component{
				{Name: "etcd", Target: v1alpha1.Target{Kind: v1alpha1.TargetStatefulSet, Name: "etcd", Container: "etcd"}},
			}},
		}
		Expect(cl.Create(ctx, scaler)).To(Succeed())
		scaler.Status.Components = []v1alpha1.ComponentStatus{{Name: "etcd", OpenRecord: "open", LastRecord: "last",
			Verdict: decision.VerdictSteady, Reason: decision.ReasonWithinBounds}}
		Expect(cl.Status().Update(ctx, scaler)).To(Succeed())
		for _, name := range []string{"open", "last", "old"} {
			write(ctx, "a", name)
		}
		const orphans = 510 // more than a page
		for i := range orphans {
			write(ctx, "b", fmt.Sprintf("orphan-%04d", i))
		}
		clock := testingclock.NewFakeClock(time.Now())
		s := &records.Sweeper{Client: cl, Live: cl, Clock: clock, Log: GinkgoLogr, MaxAge: 24 * time.Hour}
		Expect(s.Sweep(ctx)).To(Equal(0))
		Expect(names(ctx)).To(HaveLen(3 + orphans))

		running, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- s.Start(running) }()
		Eventually(clock.HasWaiters).Should(BeTrue())
		Expect(names(ctx)).To(HaveLen(3 + orphans))
		clock.Step(25 * time.Hour)
		Eventually(func() []string { return names(ctx) }).WithTimeout(2 * time.Minute).Should(ConsistOf("open", "last"))
		stop()
		Eventually(done).Should(Receive(BeNil()))
	})
})
