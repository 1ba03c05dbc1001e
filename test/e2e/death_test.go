package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/metapilot/metapilot/apis/v1alpha1"
	"github.com/metapilot/metapilot/test/installation"
	"github.com/metapilot/metapilot/test/observe"
	"github.com/metapilot/metapilot/test/sandbox"
	"github.com/metapilot/metapilot/test/sandbox/tenant"
)

const (
	// mostWrites is how many writes a change may need, its record's end included, before the test gives up counting.
	mostWrites = 40
	// batch is how many tenants are made at a time; each dies once.
	batch = 12
	// lookAgain is how often an answer is looked at while the gate is not shut.
	lookAgain = 200 * time.Millisecond
)

// theatre is a house in which one manager after another is killed.
type theatre struct {
	*house
	gate    *installation.Gatekeeper
	manager *installation.Process
	spare   []string // tenants in which nothing has happened yet
	made    int
	before  []observe.Pod // of every tenant, before anything happened
	kills   []*killing
}

var _ = Describe("A manager that is killed with -9", Ordered, func() {
	var t *theatre

	BeforeAll(func(ctx SpecContext) {
		t = &theatre{house: newHouse(ctx, sandbox.Options{Controllers: true, Nodes: 2})}
		var err error
		t.gate, err = installation.NewGatekeeper(t.box.RESTConfig())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(t.gate.Close)
		t.revive(ctx)
	})

	DescribeTable("behind any of its writes is carried on by the next one",
		func(ctx SpecContext, component string) {
			var kills []*killing
			for n := 0; ; n++ {
				Expect(n).To(BeNumerically("<=", mostWrites), "the change never comes to its end")
				namespace := t.fresh(ctx)
				shut := t.gate.ShutBehind(n, namespace)
				k, err := t.kill(ctx, namespace, component, n)
				Expect(err).NotTo(HaveOccurred())
				kills = append(kills, k)
				writes, died := t.dies(ctx, shut, k)
				if !died {
					show("deaths, "+component, "killed with -9 behind each of the first %d writes of a change, and before the first; all the writes of one that nothing disturbs:\n%s", n-1, numbered(writes, namespace))
					break
				}
				t.revive(ctx)
				t.faultless(ctx, namespace, kills[len(kills)-1:], v1alpha1.PhaseWatching, v1alpha1.PhaseSucceeded)
			}
			t.kills = append(t.kills, kills...)
			t.answered(ctx, t.kills)
			Expect(len(kills)).To(BeNumerically(">", 8), "a record, the resizes, the intent, the template, and what is said of them")
			Expect(t.recorded(ctx)).To(Equal(len(t.kills)))
			Expect(t.untouched(t.before, t.kills)).To(BeEmpty())
		},
		Entry("of a Deployment", tenant.APIServer),
		Entry("of a StatefulSet", tenant.Etcd),
	)

	It("was never forbidden anything and met no error, in any of its lives", func() {
		t.loggedNoTrouble()
	})
})

// revive starts the next manager.
func (t *theatre) revive(ctx context.Context) {
	GinkgoHelper()
	t.manager = t.start(ctx, t.gate.Config(t.house.manager), installation.Settings{
		ShippedLimits: true,
		Extra:         "usage:\n  metricsServer:\n    state: Disabled\n", // a status that tells of usage would be one more write, now and then
	})
}

// fresh gives a tenant in which nothing has happened yet, and which the manager has looked at.
func (t *theatre) fresh(ctx context.Context) string {
	GinkgoHelper()
	if len(t.spare) == 0 {
		names, err := t.box.AddTenants(ctx, sandbox.TenantOptions{Count: batch, StartIndex: t.made})
		Expect(err).NotTo(HaveOccurred())
		Expect(t.box.WaitTenantsReady(ctx, names...)).To(Succeed())
		t.scalers(ctx, v1alpha1.ModeAuto, time.Second, names...)
		t.ready(ctx, names...)
		for _, name := range names {
			t.before = append(t.before, t.observer.Pods(func(p observe.Pod) bool { return p.Namespace == name })...)
		}
		t.spare, t.made = names, t.made+batch
	}
	name := t.spare[0]
	t.spare = t.spare[1:]
	return name
}

// dies waits until the gate is shut and kills the manager, or until the change has come to its end without. It gives what was
// written.
func (t *theatre) dies(ctx context.Context, shut <-chan struct{}, k *killing) (writes []string, died bool) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		select {
		case <-shut:
		case <-time.After(lookAgain):
			g.Expect(t.faults(ctx, k.Namespace, []*killing{k}, v1alpha1.PhaseSucceeded)).To(BeEmpty())
		}
	}).WithContext(ctx).WithPolling(time.Millisecond).Should(Succeed())
	select {
	case <-shut: // it may have shut behind the last write, which says what is done already
		t.manager.Kill()
	default:
	}
	writes, died = t.gate.Open()
	if died {
		t.manager.Kill()
	}
	return writes, died
}

// numbered lists writes to a namespace, one a line.
func numbered(writes []string, namespace string) string {
	var out strings.Builder
	for i, w := range writes {
		fmt.Fprintf(&out, "%3d  %s\n", i+1, strings.Replace(w, namespace, "NAMESPACE", 1))
	}
	return out.String()
}
