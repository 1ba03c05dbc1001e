package e2e_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/decision"
	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/sandbox"
)

var _ = Describe("What a user gets wrong", Ordered, func() {
	var h *house
	var names []string

	BeforeAll(func(ctx SpecContext) {
		h = newHouse(ctx, sandbox.Options{}) // the workloads suffice: no pod has to run
		names = h.tenants(ctx, "tenant-", 4)
		h.start(ctx, h.manager, installation.Settings{ShippedLimits: true, Extra: "usage:\n  metricsServer:\n    state: Disabled\n"})
	})

	DescribeTable("is said in the condition Ready, with what to write instead",
		func(ctx SpecContext, index int, wrong func(*v1alpha1.Component), reason decision.Reason, message string) {
			s := scaler(names[index], v1alpha1.ModeAuto, shortWatch)
			wrong(&s.Spec.Components[0])
			Expect(h.client.Create(ctx, s)).To(Succeed())
			ready := func() *metav1.Condition {
				Expect(h.client.Get(ctx, client.ObjectKeyFromObject(s), s)).To(Succeed())
				return meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady)
			}
			Eventually(ready).WithContext(ctx).ShouldNot(BeNil())
			Expect(ready().Status).To(Equal(metav1.ConditionFalse))
			Expect(ready().Reason).To(BeEquivalentTo(reason))
			Expect(ready().Message).To(Equal(message))

			By("mending it")
			mended := scaler(names[index], v1alpha1.ModeAuto, shortWatch)
			mended.ResourceVersion = s.ResourceVersion
			Expect(h.client.Update(ctx, mended)).To(Succeed())
			Eventually(func() metav1.ConditionStatus { return ready().Status }).WithContext(ctx).Should(Equal(metav1.ConditionTrue))
		},
		Entry("when the workload does not exist", 0, func(c *v1alpha1.Component) { c.Target.Name = "kube-api-server" }, decision.ReasonWorkloadNotFound,
			"kube-apiserver: Deployment kube-api-server does not exist in this namespace: correct target.kind and target.name, or create it"),
		Entry("when the workload is of another kind", 1, func(c *v1alpha1.Component) { c.Target.Kind = v1alpha1.TargetStatefulSet }, decision.ReasonWorkloadNotFound,
			"kube-apiserver: StatefulSet kube-apiserver does not exist in this namespace: correct target.kind and target.name, or create it"),
		Entry("when the container does not exist", 2, func(c *v1alpha1.Component) { c.Target.Container = "apiserver" }, decision.ReasonContainerNotFound,
			`kube-apiserver: Deployment kube-apiserver has no container "apiserver": set target.container to one of kube-apiserver`),
		Entry("when the maximum lies below what there is", 3, func(c *v1alpha1.Component) { c.Bounds.Max.Memory = new(resource.MustParse("256Mi")) }, decision.Reason("AboveMaximum"),
			"kube-apiserver: memory 512Mi lies above bounds.max.memory 256Mi, and Metapilot does not shrink it: raise the bound, or lower the workload's limit"),
	)

	DescribeTable("is refused where it can be, with what to write instead",
		func(ctx SpecContext, wrong func(*v1alpha1.Component), message string) {
			s := scaler(tenantOfNobody, v1alpha1.ModeAuto, shortWatch)
			wrong(&s.Spec.Components[0])
			err := h.client.Create(ctx, s)
			Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
			Expect(err).To(MatchError(ContainSubstring(message)))
		},
		Entry("a maximum below the minimum", func(c *v1alpha1.Component) {
			c.Bounds = &v1alpha1.Bounds{Min: &v1alpha1.BoundAmounts{Memory: new(resource.MustParse("2Gi"))}, Max: &v1alpha1.BoundAmounts{Memory: new(resource.MustParse("1Gi"))}}
		}, "min.memory is larger than max.memory: set min.memory to at most max.memory"),
		Entry("an unknown estimator", func(c *v1alpha1.Component) { c.Estimators = []v1alpha1.Estimator{{Type: "Guess"}} },
			`spec.components[0].estimators[0].type: Unsupported value: "Guess": supported values: "OOM"`),
		Entry("a bound with which no container starts", func(c *v1alpha1.Component) { c.Bounds.Max.Memory = new(resource.MustParse("1")) },
			"memory must be at least 4Mi: write bytes with a unit, e.g. 512Mi or 2Gi"),
		Entry("a first bump above the largest", func(c *v1alpha1.Component) {
			c.Estimators = []v1alpha1.Estimator{{Type: v1alpha1.EstimatorOOM, OOM: &v1alpha1.OOMEstimator{BumpPercent: new(int32(200)), MaxBumpPercent: new(int32(100))}}}
		}, "bumpPercent is larger than maxBumpPercent: lower bumpPercent or raise maxBumpPercent"),
	)

	It("troubles no manager", func(ctx SpecContext) {
		Expect(h.recorded(ctx)).To(BeZero())
		h.loggedNoTrouble()
	})
})

// tenantOfNobody is the namespace of objects that are refused.
const tenantOfNobody = "default"
