package actuate_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/controllers/actuate"
)

var kinds = []any{
	Entry("Deployment", v1alpha1.TargetDeployment),
	Entry("StatefulSet", v1alpha1.TargetStatefulSet),
}

var _ = Describe("carrying a size out", func() {
	DescribeTable("resizes every pod, brings the template in line and restarts nothing",
		append([]any{func(ctx SpecContext, kind v1alpha1.TargetKind) {
			w := newWorld(ctx, kind)
			a := newActuator(cl)
			started := time.Now()
			p, err := w.advance(ctx, a)
			Expect(err).NotTo(HaveOccurred())
			GinkgoWriter.Printf("resized 3 pods in %s\n", time.Since(started))
			Expect(p.Phase).To(Equal(v1alpha1.PhaseResizing), p.Message)
			w.until(ctx, a, v1alpha1.PhaseWatching)
			GinkgoWriter.Printf("%s: all in %s\n", kind, time.Since(started))
			w.convergedQuietly(ctx, after)
			Expect(w.steps()).To(Equal([]v1alpha1.TimelineStep{v1alpha1.StepResized, v1alpha1.StepActuated, v1alpha1.StepConverged}))
			Expect(w.record.Status.Message).To(Equal("the template has the size; no pod was replaced"))
			w.bornLike(ctx, after)
			_, reverted := actuate.Reverted(w.get(ctx), w.record)
			Expect(reverted).To(BeFalse())
		}}, kinds...)...)
})
