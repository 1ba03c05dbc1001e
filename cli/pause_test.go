package cli_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metapilot/metapilot/apis/v1alpha1"
)

var _ = Describe("pause and resume", Ordered, func() {
	pauseOf := func(ctx context.Context, tenant string) *v1alpha1.Pause {
		GinkgoHelper()
		s := &v1alpha1.ClusterScaler{}
		Expect(api.Get(ctx, client.ObjectKey{Namespace: tenant, Name: "control-plane"}, s)).To(Succeed())
		return s.Spec.Pause
	}

	BeforeAll(func(ctx SpecContext) {
		for _, name := range []string{"pause-a", "pause-b", "pause-c"} {
			tenant(ctx, name)
			s := scaler(ctx, scalerOf(name, "Auto", ""))
			if name != "pause-c" {
				s.Labels = map[string]string{"tier": "gold"}
				Expect(api.Update(ctx, s)).To(Succeed())
			}
		}
	})

	It("pauses one tenant without a question", func(ctx SpecContext) {
		got := ask(ctx, "pause", "pause-a", "--for", "2h", "--direction", "Down", "--reason", "load test")
		Expect(got.err).NotTo(HaveOccurred())
		Expect(got.out).To(ContainSubstring("Down until 2026-01-03T14:00:00Z (in 1h59m): load test"))
		p := pauseOf(ctx, "pause-a")
		Expect(p.Until.UTC().Format("15:04:05")).To(Equal("14:00:00"))
		Expect(p.Direction).To(Equal(v1alpha1.PauseDown))
		Expect(p.Reason).To(Equal("load test"))
	})

	It("leaves nothing of an earlier pause, and does nothing twice", func(ctx SpecContext) {
		Expect(ask(ctx, "pause", "pause-a", "--for", "1h").err).NotTo(HaveOccurred())
		Expect(pauseOf(ctx, "pause-a").Reason).To(BeEmpty())
		Expect(ask(ctx, "pause", "-n", "pause-a", "--for", "1h").errs).To(Equal("nothing to change: every tenant that is meant is so already\n"))
	})

	It("changes nothing in a dry run", func(ctx SpecContext) {
		for _, how := range []string{"client", "server"} {
			got := ask(ctx, "pause", "pause-b", "--for", "2h", "--dry-run="+how)
			Expect(got.err).NotTo(HaveOccurred())
			Expect(got.errs).To(Equal("nothing was changed (--dry-run=" + how + ")\n"))
			Expect(pauseOf(ctx, "pause-b")).To(BeNil())
		}
		got := ask(ctx, "pause", "pause-b", "--for", "2h", "--dry-run=server", "--as", "reader")
		Expect(got.err).To(HaveOccurred(), "the API server was asked")
	})

	It("lists several tenants and asks", func(ctx SpecContext) {
		got := ask(ctx, "pause", "-l", "tier=gold", "--for", "2h")
		Expect(got.err).To(MatchError("nothing was changed: answer y, or write --yes"))
		Expect(got.errs).To(And(ContainSubstring("pause-b"), ContainSubstring("Pause 2 tenants? [y/N]"), Not(ContainSubstring("pause-c"))))
		Expect(pauseOf(ctx, "pause-b")).To(BeNil())

		Expect(reply(ctx, "y\n", "pause", "-l", "tier=gold", "--for", "2h").err).NotTo(HaveOccurred())
		Expect(pauseOf(ctx, "pause-b")).NotTo(BeNil())
		Expect(pauseOf(ctx, "pause-c")).To(BeNil())
	})

	It("resumes those that are paused", func(ctx SpecContext) {
		got := ask(ctx, "resume", "pause-a", "pause-b", "pause-c", "--yes")
		Expect(got.err).NotTo(HaveOccurred())
		Expect(got.out).NotTo(ContainSubstring("pause-c"))
		Expect(pauseOf(ctx, "pause-a")).To(BeNil())
		Expect(pauseOf(ctx, "pause-b")).To(BeNil())
	})

	It("selects by the namespaces' labels", func(ctx SpecContext) {
		got := ask(ctx, "pause", "--namespace-selector", "kubernetes.io/metadata.name=pause-c", "--for", "2h")
		Expect(got.err).NotTo(HaveOccurred())
		Expect(pauseOf(ctx, "pause-c")).NotTo(BeNil())
		Expect(pauseOf(ctx, "pause-a")).To(BeNil())
	})

	DescribeTable("refuses", func(ctx SpecContext, words string, args ...string) {
		got := ask(ctx, args...)
		Expect(got.err).To(MatchError(ContainSubstring(words)))
	},
		Entry("no tenant", "which tenants? write their names, -l SELECTOR", "pause", "--for", "2h"),
		Entry("no length", "for how long? write --for", "pause", "pause-a"),
		Entry("a tenant that is none", "namespace nowhere has no such ClusterScaler", "pause", "nowhere", "--for", "2h"),
		Entry("a bad selector", "is no selector of labels: write one such as tier=gold", "resume", "-l", "a=b=c"),
		Entry("another kind of dry run", "--dry-run=maybe is not known: write none, client or server", "resume", "-A", "--dry-run=maybe"),
	)
})
